//! The person's own browser: a visible Chromium that `xdg-open` starts or hands addresses to, watched and
//! clicked by chromedriver from outside.
//!
//! Chromium runs with a remote debugging port and one profile. Whoever runs the wrapper again with the same
//! profile, as `xdg-open` does, gets a new tab in the Chromium that is already there; chromedriver is attached
//! to that same Chromium and sees the tab.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Mutex;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use thirtyfour::prelude::*;
use thirtyfour::{Capabilities, WindowHandle};

use crate::desktop::{Desktop, Window};
use crate::{tools, wait};

/// The wrapper's `.desktop` file.
const DESKTOP_FILE: &str = "lab-browser.desktop";

/// What Chromium is told beside its profile: nothing that changes how a page behaves.
const FLAGS: &str = "--remote-debugging-port=0 --disable-gpu --disable-quic --no-first-run \
                     --no-default-browser-check --disable-background-networking --disable-component-update \
                     --disable-sync --password-store=basic --disable-dev-shm-usage";

/// A Chromium that is the system's browser on one desktop.
pub struct Browser<'a> {
    desktop: &'a Desktop,
    driver: WebDriver,
    seen: Mutex<HashSet<WindowHandle>>,
}

impl<'a> Browser<'a> {
    /// Makes Chromium the desktop's browser, starts it, and attaches chromedriver.
    ///
    /// `links` says which origins may open which private schemes without a question, which is what a person
    /// who ticked "always allow" has.
    pub async fn start(desktop: &'a Desktop, links: &[(&str, &str)]) -> Result<Self> {
        install(desktop)?;
        allow(desktop, links)?;
        desktop.spawn("browser", desktop.command(wrapper(desktop)).arg("about:blank"))?;
        Self::attach(desktop).await
    }

    /// Attaches chromedriver to the Chromium that runs, or is just being started by someone else.
    pub async fn attach(desktop: &'a Desktop) -> Result<Self> {
        let announced = profile(desktop).join("DevToolsActivePort");
        let port = wait::until("Chromium's debugging port", wait::STEP, async || {
            let text = fs::read_to_string(&announced).unwrap_or_default();
            // The second line is there when the file is complete.
            Ok((text.lines().count() >= 2).then(|| text.lines().next().unwrap_or_default().to_owned()))
        })
        .await?;

        let mut command = desktop.command(tools::find("chromedriver")?);
        let service = desktop.spawn("chromedriver", command.arg("--port=0"))?;
        let at = service
            .line("the port of chromedriver", |line| {
                let (_, port) = line.split_once("started successfully on port ")?;
                port.trim_end_matches('.').parse::<u16>().ok()
            })
            .await?;
        let mut capabilities = Capabilities::new();
        capabilities.set(
            "goog:chromeOptions",
            json!({ "debuggerAddress": format!("127.0.0.1:{port}") }),
        )?;
        let driver = WebDriver::new(format!("http://127.0.0.1:{at}"), capabilities)
            .await
            .context("attaching chromedriver to Chromium")?;
        let browser = Self {
            desktop,
            driver,
            seen: Mutex::default(),
        };
        Ok(browser)
    }

    /// The driver, on the page that was last asked for.
    pub fn page(&self) -> &WebDriver {
        &self.driver
    }

    /// Waits for a tab that was not asked for before and whose address begins with `prefix`, and goes to it.
    pub async fn new_page(&self, prefix: &str) -> Result<()> {
        let what = format!("a new page in the browser at {prefix}");
        let handle = wait::until(&what, wait::STEP, async || {
            for handle in self.driver.windows().await? {
                if self.seen().contains(&handle) {
                    continue;
                }
                // A tab may be gone again before it is looked at.
                if self.driver.switch_to_window(handle.clone()).await.is_err() {
                    continue;
                }
                if self
                    .driver
                    .current_url()
                    .await
                    .is_ok_and(|url| url.as_str().starts_with(prefix))
                {
                    return Ok(Some(handle));
                }
            }
            Ok(None)
        })
        .await?;
        self.seen().insert(handle);
        Ok(())
    }

    /// Waits until the page's address begins with `prefix`.
    pub async fn arrives_at(&self, prefix: &str) -> Result<()> {
        wait::until_true(&format!("the browser at {prefix}"), wait::STEP, async || {
            Ok(self
                .driver
                .current_url()
                .await
                .is_ok_and(|url| url.as_str().starts_with(prefix)))
        })
        .await
    }

    /// Waits for an element of the page that can be seen.
    pub async fn find(&self, css: &str) -> Result<WebElement> {
        self.driver
            .query(By::Css(css))
            .wait(wait::STEP, std::time::Duration::from_millis(50))
            .and_displayed()
            .first()
            .await
            .with_context(|| format!("`{css}` on the browser's page"))
    }

    /// Clicks an element once it is there.
    pub async fn click(&self, css: &str) -> Result<()> {
        Ok(self.find(css).await?.click().await?)
    }

    /// Types into a field once it is there, in place of what it holds.
    pub async fn fill(&self, css: &str, text: &str) -> Result<()> {
        let field = self.find(css).await?;
        field.clear().await?;
        Ok(field.send_keys(text).await?)
    }

    /// How many tabs are open.
    pub async fn tabs(&self) -> Result<usize> {
        Ok(self.driver.windows().await?.len())
    }

    /// The process of the browser itself, not of its pages.
    pub fn pid(&self) -> Result<u32> {
        let profile = format!("--user-data-dir={}", profile(self.desktop).display());
        self.desktop
            .processes()
            .into_iter()
            .find(|process| {
                let line = process.shown();
                line.contains(&profile)
                    && line.contains("--remote-debugging-port")
                    && !line.contains("--type=")
            })
            .map(|process| process.pid)
            .context("the browser does not run")
    }

    /// The browser's window.
    pub async fn window(&self) -> Result<Window> {
        let pid = self.pid()?;
        wait::until("the browser's window on the screen", wait::STEP, async || {
            Ok(self.desktop.windows_of(pid).into_iter().next())
        })
        .await
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, HashSet<WindowHandle>> {
        self.seen
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Drop for Browser<'_> {
    fn drop(&mut self) {
        // The session ends with chromedriver, which the desktop stops. Left open until then, so that a picture
        // of a failure shows the page.
        let _ = self.driver.clone().leak();
    }
}

/// Registers the wrapper as the desktop's browser, without starting it.
pub fn install(desktop: &Desktop) -> Result<()> {
    let sandbox = if rustix::process::geteuid().is_root() {
        "--no-sandbox"
    } else {
        ""
    };
    let script = format!(
        "#!/bin/sh\nexec '{}' --user-data-dir='{}' {FLAGS} {sandbox} \"$@\"\n",
        tools::chromium()?.display(),
        profile(desktop).display()
    );
    fs::write(wrapper(desktop), script)?;
    fs::set_permissions(wrapper(desktop), fs::Permissions::from_mode(0o755))?;
    let entry = format!(
        "[Desktop Entry]\nType=Application\nName=Browser\nExec={} %U\n\
         MimeType=text/html;x-scheme-handler/http;x-scheme-handler/https;\n",
        wrapper(desktop).display()
    );
    fs::write(desktop.data().join("applications").join(DESKTOP_FILE), entry)?;
    desktop.handle_scheme("http", DESKTOP_FILE)?;
    desktop.handle_scheme("https", DESKTOP_FILE)
}

/// Allows pages to open private schemes, for a Chromium that is not running yet.
pub fn allow(desktop: &Desktop, links: &[(&str, &str)]) -> Result<()> {
    let mut pairs = Map::new();
    for (origin, scheme) in links {
        let schemes = pairs
            .entry(origin.trim_end_matches('/'))
            .or_insert_with(|| json!({}));
        if let Value::Object(schemes) = schemes {
            schemes.insert((*scheme).to_owned(), Value::Bool(true));
        }
    }
    let preferences = json!({
        "protocol_handler": { "allowed_origin_protocol_pairs": pairs },
        // No offer to save the password, which would cover the page in pictures.
        "credentials_enable_service": false,
        "profile": { "password_manager_enabled": false },
    });
    let folder = profile(desktop).join("Default");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("Preferences"), preferences.to_string())?;
    Ok(())
}

/// Chromium's profile, which is also the one place where a callback address may be found on disk: a browser
/// keeps a history.
pub fn profile(desktop: &Desktop) -> PathBuf {
    desktop.base().join("browser")
}

fn wrapper(desktop: &Desktop) -> PathBuf {
    desktop.bin().join("browser")
}
