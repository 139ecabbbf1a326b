//! Sign-outs whose other half, at the provider, is still to be done: everything of them but the tokens.

use rusqlite::{OptionalExtension as _, Row, named_params};
use tessera_oidc::{ClientId, UnixTime};

use super::{Store, StoreError};
use crate::account::{AccountId, NextTry, Storage};
use crate::provider::ProviderId;
use crate::sign_out::{OpenSignOut, OpenSignOutId, OpenStage, SignOutWay};

/// What an attempt leaves noted.
pub(crate) struct Noted<'a> {
    /// Whether the refresh token is still to be given back.
    pub(crate) refresh: bool,
    /// Whether the access token is.
    pub(crate) access: bool,
    pub(crate) stage: OpenStage,
    /// Why it could not be done, code and sentence.
    pub(crate) why: (&'a str, String),
    pub(crate) next_try: Option<NextTry>,
}

impl Store {
    /// Notes a sign-out that is not finished. One that is noted already stays as it is.
    pub(crate) async fn put_open_sign_out(&self, open: &OpenSignOut) -> Result<(), StoreError> {
        let open = open.clone();
        self.run(move |connection| {
            connection.execute(
                "INSERT INTO open_sign_out (id, account, provider, provider_name, kind, issuer, client_id, name,
                    storage, holder, keychain, way, refresh, access, since, tries, stage, code, reason,
                    next_try_at, next_try_named)
                 VALUES (:id, :account, :provider, :provider_name, :kind, :issuer, :client_id, :name,
                    :storage, :holder, :keychain, :way, :refresh, :access, :since, :tries, :stage, :code, :reason,
                    :next_try_at, :next_try_named)
                 ON CONFLICT (id) DO NOTHING",
                named_params! {
                    ":id": open.id.as_str(), ":account": open.account.as_str(),
                    ":provider": open.provider.as_str(), ":provider_name": open.provider_name,
                    ":kind": open.kind, ":issuer": open.issuer.as_str(), ":client_id": open.client_id.as_str(),
                    ":name": open.name, ":storage": storage_text(open.storage), ":holder": open.holder,
                    ":keychain": open.keychain, ":way": open.way.as_str(), ":refresh": open.refresh,
                    ":access": open.access, ":since": open.since.0, ":tries": open.tries,
                    ":stage": open.stage.as_str(), ":code": open.code, ":reason": open.reason,
                    ":next_try_at": open.next_try.map(|next| next.at.0),
                    ":next_try_named": open.next_try.is_some_and(|next| next.named),
                },
            )?;
            Ok(())
        })
        .await
    }

    /// All of them, the oldest first.
    pub(crate) async fn open_sign_outs(&self) -> Result<Vec<OpenSignOut>, StoreError> {
        let rows = self
            .run(|connection| {
                let mut statement =
                    connection.prepare_cached("SELECT * FROM open_sign_out ORDER BY since, id")?;
                let rows = statement.query_map([], read)?;
                rows.collect::<rusqlite::Result<Vec<_>>>()
            })
            .await?;
        // One that cannot be read is found again by what the keychain has for it, and does not stand in the others' way.
        Ok(rows.into_iter().flatten().collect())
    }

    /// One of them.
    pub(crate) async fn open_sign_out(&self, id: &OpenSignOutId) -> Result<Option<OpenSignOut>, StoreError> {
        let id = id.clone();
        let row = self
            .run(move |connection| {
                connection
                    .prepare_cached("SELECT * FROM open_sign_out WHERE id = ?1")?
                    .query_row([id.as_str()], read)
                    .optional()
            })
            .await?;
        row.map(|row| row.ok_or_else(unreadable)).transpose()
    }

    /// Notes what came of one more attempt.
    pub(crate) async fn note_open_sign_out(
        &self,
        id: &OpenSignOutId,
        noted: Noted<'_>,
    ) -> Result<(), StoreError> {
        let (id, code) = (id.clone(), noted.why.0.to_owned());
        let (reason, next_try) = (noted.why.1, noted.next_try);
        self.run(move |connection| {
            connection.execute(
                "UPDATE open_sign_out SET refresh = :refresh, access = :access, tries = tries + 1, stage = :stage,
                    code = :code, reason = :reason, next_try_at = :next_try_at, next_try_named = :next_try_named
                 WHERE id = :id",
                named_params! {
                    ":id": id.as_str(), ":refresh": noted.refresh, ":access": noted.access,
                    ":stage": noted.stage.as_str(), ":code": code, ":reason": reason,
                    ":next_try_at": next_try.map(|next| next.at.0),
                    ":next_try_named": next_try.is_some_and(|next| next.named),
                },
            )?;
            Ok(())
        })
        .await
    }

    /// Notes that the provider's part is done: what is left is to delete the tokens here.
    pub(crate) async fn finish_open_sign_out(&self, id: &OpenSignOutId) -> Result<(), StoreError> {
        let id = id.clone();
        self.run(move |connection| {
            let finish = "UPDATE open_sign_out SET stage = ?2, next_try_at = NULL WHERE id = ?1";
            connection.execute(finish, [id.as_str(), OpenStage::Finished.as_str()])?;
            Ok(())
        })
        .await
    }

    /// Forgets one of which no token is left here. Says whether it was there.
    pub(crate) async fn remove_open_sign_out(&self, id: &OpenSignOutId) -> Result<bool, StoreError> {
        let id = id.clone();
        self.run(move |connection| {
            let removed = connection.execute("DELETE FROM open_sign_out WHERE id = ?1", [id.as_str()])?;
            Ok(removed > 0)
        })
        .await
    }
}

fn unreadable() -> StoreError {
    StoreError::Damaged("a sign-out that is not finished cannot be read".to_owned())
}

fn storage_text(storage: Storage) -> &'static str {
    match storage {
        Storage::Keychain => "keychain",
        Storage::UntilQuit => "until_quit",
    }
}

/// `None` for a row that is not what this version writes.
fn read(row: &Row<'_>) -> rusqlite::Result<Option<OpenSignOut>> {
    let text = |name: &str| row.get::<_, String>(name);
    let named = row.get("next_try_named")?;
    let next_try = row.get::<_, Option<i64>>("next_try_at")?.map(|at| NextTry {
        at: UnixTime(at),
        named,
    });
    let (Some(id), Some(account), Some(provider), Ok(issuer), Some(way), Some(stage)) = (
        OpenSignOutId::parse(&text("id")?),
        AccountId::parse(&text("account")?),
        ProviderId::new(&text("provider")?),
        text("issuer")?.parse(),
        SignOutWay::parse(&text("way")?),
        OpenStage::parse(&text("stage")?),
    ) else {
        return Ok(None);
    };
    Ok(Some(OpenSignOut {
        id,
        account,
        provider,
        provider_name: text("provider_name")?,
        kind: text("kind")?,
        issuer,
        client_id: ClientId::new(text("client_id")?),
        name: text("name")?,
        storage: if text("storage")? == storage_text(Storage::UntilQuit) {
            Storage::UntilQuit
        } else {
            Storage::Keychain
        },
        way,
        refresh: row.get("refresh")?,
        access: row.get("access")?,
        since: UnixTime(row.get("since")?),
        tries: row.get("tries")?,
        stage,
        code: row.get("code")?,
        reason: row.get("reason")?,
        next_try,
        holder: row.get("holder")?,
        keychain: row.get("keychain")?,
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    fn open() -> OpenSignOut {
        OpenSignOut {
            id: OpenSignOutId::parse("0123456789abcdef").unwrap(),
            account: AccountId::parse("fedcba9876543210").unwrap(),
            provider: ProviderId::new("acme").unwrap(),
            provider_name: "Acme".to_owned(),
            kind: "oidc".to_owned(),
            issuer: "https://login.example".parse().unwrap(),
            client_id: ClientId::new("client"),
            name: "Ann".to_owned(),
            storage: Storage::UntilQuit,
            way: SignOutWay::Leaked,
            refresh: true,
            access: true,
            since: UnixTime(7),
            tries: 1,
            stage: OpenStage::Waiting,
            code: Some("unreachable".to_owned()),
            reason: Some("You cannot reach it.".to_owned()),
            next_try: Some(NextTry {
                at: UnixTime(9),
                named: true,
            }),
            holder: Some("present-1-2".to_owned()),
            keychain: Some("mark".to_owned()),
        }
    }

    #[tokio::test]
    async fn what_is_noted_is_read_back_whole_and_by_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tessera.db");
        let (store, open) = (Store::open(&file).await.unwrap(), open());
        store.put_open_sign_out(&open).await.unwrap();
        let store = Store::open(&file).await.unwrap();
        assert_eq!(store.open_sign_outs().await.unwrap(), std::slice::from_ref(&open));

        let noted = Noted {
            refresh: false,
            access: true,
            stage: OpenStage::Over,
            why: ("revocation_refused", "It said no.".to_owned()),
            next_try: None,
        };
        store.note_open_sign_out(&open.id, noted).await.unwrap();
        let expected = OpenSignOut {
            refresh: false,
            tries: 2,
            stage: OpenStage::Over,
            code: Some("revocation_refused".to_owned()),
            reason: Some("It said no.".to_owned()),
            next_try: None,
            ..open.clone()
        };
        assert_eq!(store.open_sign_out(&open.id).await.unwrap(), Some(expected));
        store.finish_open_sign_out(&open.id).await.unwrap();
        let stage = store
            .open_sign_out(&open.id)
            .await
            .unwrap()
            .map(|open| open.stage);
        assert_eq!(stage, Some(OpenStage::Finished));
        assert!(store.remove_open_sign_out(&open.id).await.unwrap());
        assert!(!store.remove_open_sign_out(&open.id).await.unwrap());
        assert_eq!(store.open_sign_outs().await.unwrap(), []);
    }

    #[tokio::test]
    async fn one_that_is_noted_already_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("tessera.db")).await.unwrap();
        store.put_open_sign_out(&open()).await.unwrap();
        let again = OpenSignOut {
            tries: 0,
            code: None,
            ..open()
        };
        store.put_open_sign_out(&again).await.unwrap();
        assert_eq!(store.open_sign_outs().await.unwrap(), [open()]);
    }
}
