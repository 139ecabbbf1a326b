//! Which browser an account's pages are opened in, where it is not the system's default.

use rusqlite::OptionalExtension as _;

use super::{Store, StoreError};
use crate::account::AccountId;
use crate::browsers::BrowserChoice;

impl Store {
    /// The browser of an account; `None` for the system's default, and for one that this version does not know.
    pub(crate) async fn browser_of(&self, id: &AccountId) -> Result<Option<BrowserChoice>, StoreError> {
        let id = id.clone();
        let text: Option<String> = self
            .run(move |connection| {
                let browser = "SELECT browser FROM opens_in WHERE account = ?1";
                connection
                    .query_row(browser, [id.as_str()], |row| row.get(0))
                    .optional()
            })
            .await?;
        Ok(text.and_then(|text| BrowserChoice::parse(&text)))
    }

    /// Notes the browser of an account.
    pub(crate) async fn set_browser(
        &self,
        id: &AccountId,
        choice: Option<&BrowserChoice>,
    ) -> Result<(), StoreError> {
        let (id, text) = (id.clone(), choice.map(ToString::to_string));
        self.run(move |connection| {
            match text {
                Some(text) => connection.execute(
                    "INSERT OR REPLACE INTO opens_in (account, browser) VALUES (?1, ?2)",
                    [id.as_str(), &text],
                ),
                None => connection.execute("DELETE FROM opens_in WHERE account = ?1", [id.as_str()]),
            }?;
            Ok(())
        })
        .await
    }
}
