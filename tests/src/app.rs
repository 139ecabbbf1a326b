//! The app under test in its real window, driven through tauri-driver and the web view's own WebDriver.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use thirtyfour::Capabilities;
use thirtyfour::prelude::*;

use crate::desktop::{Desktop, Window};
use crate::program::Program;
use crate::{tools, wait};

/// The app's window and everything in it.
pub struct App<'a> {
    desktop: &'a Desktop,
    binary: PathBuf,
    driver: WebDriver,
    service: Arc<Program>,
}

impl<'a> App<'a> {
    /// Starts `binary` and waits until its page answers.
    pub async fn start(desktop: &'a Desktop, binary: &Path) -> Result<Self> {
        // tauri-driver throws away what its driver and therefore the app writes to standard output, so the
        // app is started by a line of shell that keeps both streams.
        let log = desktop.logs().join("app.log");
        let start = desktop.bin().join("start-app");
        let script = format!(
            "#!/bin/sh\nexec '{}' \"$@\" >>'{}' 2>&1\n",
            binary.display(),
            log.display()
        );
        fs::write(&start, script)?;
        fs::set_permissions(&start, fs::Permissions::from_mode(0o755))?;

        let (port, native_port) = (free_port()?, free_port()?);
        let mut command = desktop.command(tools::tauri_driver()?);
        command
            .arg("--native-driver")
            .arg(tools::find("WebKitWebDriver")?)
            .args([
                "--port",
                &port.to_string(),
                "--native-port",
                &native_port.to_string(),
            ]);
        let service = desktop.spawn("tauri-driver", &mut command)?;
        for port in [port, native_port] {
            wait::until_true(
                &format!("the app's driver on port {port}"),
                wait::STEP,
                async || {
                    if !service.runs() {
                        bail!("tauri-driver ended; see its log");
                    }
                    Ok(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok())
                },
            )
            .await?;
        }
        // No browserName: the drivers of different releases disagree on the right one.
        let mut capabilities = Capabilities::new();
        capabilities.set("tauri:options", json!({ "application": start, "args": [] }))?;
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities)
            .await
            .with_context(|| format!("starting {} through tauri-driver", binary.display()))?;
        Ok(Self {
            desktop,
            binary: binary.to_owned(),
            driver,
            service,
        })
    }

    /// The driver itself.
    pub fn page(&self) -> &WebDriver {
        &self.driver
    }

    /// Waits for an element that can be seen.
    pub async fn find(&self, id: &str) -> Result<WebElement> {
        self.query(id)
            .and_displayed()
            .first()
            .await
            .with_context(|| format!("`{id}` in the app's window"))
    }

    /// All elements with that id, now.
    pub async fn all(&self, id: &str) -> Result<Vec<WebElement>> {
        Ok(self.driver.find_all(by(id)).await?)
    }

    /// Whether such an element is there now.
    pub async fn shows(&self, id: &str) -> Result<bool> {
        Ok(!self.all(id).await?.is_empty())
    }

    /// Waits until no such element is there.
    pub async fn gone(&self, id: &str) -> Result<()> {
        wait::until_true(
            &format!("`{id}` gone from the app's window"),
            wait::STEP,
            async || Ok(!self.shows(id).await?),
        )
        .await
    }

    /// Clicks an element once it is there.
    pub async fn click(&self, id: &str) -> Result<()> {
        let what = format!("`{id}` in the app's window, ready to be clicked");
        let element = self
            .query(id)
            .and_clickable()
            .first()
            .await
            .context(what.clone())?;
        element.click().await.context(what)
    }

    /// What an element says.
    pub async fn text(&self, id: &str) -> Result<String> {
        Ok(self.find(id).await?.text().await?)
    }

    /// Waits until an element says something that holds `part`.
    pub async fn says(&self, id: &str, part: &str) -> Result<String> {
        let mut last = String::new();
        let found = wait::until(&format!("`{part}` in `{id}`"), wait::STEP, async || {
            for element in self.all(id).await? {
                // An element may be drawn anew while it is read.
                let Ok(text) = element.text().await else { continue };
                if text.contains(part) {
                    return Ok(Some(text));
                }
                last = text;
            }
            Ok(None)
        })
        .await;
        found.with_context(|| format!("the last that `{id}` said: {last}"))
    }

    /// An attribute of an element, waited for.
    pub async fn attribute(&self, id: &str, name: &str) -> Result<String> {
        let element = self.find(id).await?;
        element
            .attr(name)
            .await?
            .with_context(|| format!("`{id}` has no `{name}`"))
    }

    /// Types into a field.
    pub async fn fill(&self, id: &str, text: &str) -> Result<()> {
        let field = self.find(id).await?;
        field.clear().await?;
        Ok(field.send_keys(text).await?)
    }

    /// Runs script in the page as the page itself could, and gives back what it returned. `await` works.
    pub async fn script(&self, script: &str) -> Result<Value> {
        let wrapped = format!(
            "const done = arguments[arguments.length - 1];
             (async () => {{ {script} }})().then(
                 (value) => done({{ value: value === undefined ? null : value }}),
                 (error) => done({{ error: String(error && error.message || error) }}));"
        );
        let answer = self.driver.execute_async(&wrapped, Vec::new()).await?;
        Ok(answer.json().clone())
    }

    /// Takes a picture of the page.
    pub async fn picture(&self, path: &Path) -> Result<()> {
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir)?;
        }
        Ok(self.driver.screenshot(path).await?)
    }

    /// The app's process.
    pub fn pid(&self) -> Result<u32> {
        match self.desktop.processes_of(&self.binary).as_slice() {
            [one] => Ok(one.pid),
            [] => bail!("the app does not run"),
            several => bail!("{} of the app run at once", several.len()),
        }
    }

    /// The app's window.
    pub async fn window(&self) -> Result<Window> {
        let pid = self.pid()?;
        wait::until("the app's window on the screen", wait::STEP, async || {
            Ok(self.desktop.windows_of(pid).into_iter().next())
        })
        .await
    }

    /// Waits until the app's window is the one with the focus.
    pub async fn comes_forward(&self) -> Result<()> {
        let pid = self.pid()?;
        wait::until_true("the app's window coming forward", wait::STEP, async || {
            Ok(self
                .desktop
                .active_window()
                .is_some_and(|window| window.pid == pid))
        })
        .await
    }

    /// Closes the window as a person does, and waits until the app has ended.
    pub async fn close(self) -> Result<()> {
        let window = self.window().await?;
        self.desktop.focus(&window).await?;
        self.desktop.press("alt+F4")?;
        wait::until_true(
            "the app's end after its window was closed",
            wait::STEP,
            async || Ok(self.desktop.processes_of(&self.binary).is_empty()),
        )
        .await?;
        self.service.stop();
        Ok(())
    }

    fn query(&self, id: &str) -> thirtyfour::extensions::query::ElementQuery {
        self.driver
            .query(by(id))
            .wait(wait::STEP, Duration::from_millis(50))
    }
}

impl Drop for App<'_> {
    fn drop(&mut self) {
        // The desktop ends the app; left open until then, so that a picture of a failure shows the window.
        let _ = self.driver.clone().leak();
    }
}

fn by(id: &str) -> By {
    By::Css(format!("[data-testid=\"{id}\"]"))
}

/// A port that nobody listens on at this moment.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
