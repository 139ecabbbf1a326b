//! The app under test in its real window, driven through tauri-driver and the web view's own WebDriver.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use thirtyfour::Capabilities;
use thirtyfour::error::WebDriverErrorInner;
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
        self.settled(&format!("`{id}` in the app's window"), async || {
            for element in self.driver.find_all(by(id)).await? {
                if element.is_displayed().await? {
                    return Ok(Some(element));
                }
            }
            Ok(None)
        })
        .await
    }

    /// All elements with that id, now.
    pub async fn all(&self, id: &str) -> Result<Vec<WebElement>> {
        // Even listing them fails when one goes meanwhile.
        self.settled(id, async || Ok(Some(self.driver.find_all(by(id)).await?)))
            .await
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

    /// Clicks an element once it is there and can be clicked.
    pub async fn click(&self, id: &str) -> Result<()> {
        self.settled(
            &format!("`{id}` in the app's window, ready to be clicked"),
            async || {
                for element in self.driver.find_all(by(id)).await? {
                    if element.is_clickable().await? {
                        element.click().await?;
                        return Ok(Some(()));
                    }
                }
                Ok(None)
            },
        )
        .await
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
                // As the page shows it. WebDriver's own way to read text passes over elements that are only laid
                // out by their children. An element may be drawn anew while it is read.
                let Ok(Some(text)) = element.prop("innerText").await else {
                    continue;
                };
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
        self.settled(&format!("`{name}` of `{id}`"), async || {
            for element in self.driver.find_all(by(id)).await? {
                if let Some(value) = element.attr(name).await? {
                    return Ok(Some(value));
                }
            }
            Ok(None)
        })
        .await
    }

    /// Types into a field.
    pub async fn fill(&self, id: &str, text: &str) -> Result<()> {
        let field = self.find(id).await?;
        field.clear().await?;
        Ok(field.send_keys(text).await?)
    }

    /// Chooses from a list, once the list has it.
    pub async fn choose(&self, id: &str, option: &str) -> Result<()> {
        wait::until_true(&format!("`{option}` in `{id}`"), wait::STEP, async || {
            let Some(list) = self.all(id).await?.pop() else {
                return Ok(false);
            };
            // The list may be drawn anew while it is read.
            let wanted = By::XPath(format!("./option[.={option:?}]"));
            let Ok(wanted) = list.find(wanted).await else {
                return Ok(false);
            };
            Ok(wanted.click().await.is_ok())
        })
        .await
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

    /// Brings the window to the front and takes a picture of what a person sees in it.
    ///
    /// Not by WebDriver: its screenshot never ends where compositing is off, as it is on a virtual screen.
    pub async fn picture(&self, path: &Path) -> Result<()> {
        self.drawn().await?;
        let window = self.window().await?;
        self.desktop.focus(&window).await?;
        self.drawn().await?;
        self.desktop.picture_of(&window, path)
    }

    /// Waits until the page has drawn what it holds.
    async fn drawn(&self) -> Result<()> {
        // The first frame may have been begun before; the second holds everything.
        self.script("for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);")
            .await
            .map(drop)
    }

    /// Loads the page anew, as a person does with the keyboard, and waits until it is there again.
    pub async fn reload(&self) -> Result<()> {
        self.driver.refresh().await?;
        self.find("nav-sign-in").await.map(drop)
    }

    /// The app's process.
    pub fn pid(&self) -> Result<u32> {
        pid_of(self.desktop, &self.binary)
    }

    /// The app's window.
    pub async fn window(&self) -> Result<Window> {
        window_of(self.desktop, &self.binary).await
    }

    /// Waits for a window of the app's beside its first one, which asks the person something, and gives it the focus.
    pub async fn question(&self) -> Result<Window> {
        let pid = self.pid()?;
        let question = wait::until("a question in a window of its own", wait::STEP, async || {
            let windows = self.desktop.windows_of(pid);
            Ok(windows.into_iter().find(|window| window.title.ends_with('?')))
        })
        .await?;
        let beside = self.desktop.windows_of(pid);
        ensure!(
            beside.iter().any(|window| window.id != question.id),
            "the app's own window asks"
        );
        self.desktop.focus(&question).await?;
        Ok(question)
    }

    /// Waits until a question is gone.
    pub async fn answered(&self, question: &Window) -> Result<()> {
        let pid = self.pid()?;
        wait::until_true("the end of the question", wait::STEP, async || {
            Ok(self
                .desktop
                .windows_of(pid)
                .iter()
                .all(|window| window.id != question.id))
        })
        .await
    }

    /// Closes the window as a person does, and waits until it is gone while the process still runs. Gives back what
    /// waits for the process as well.
    pub async fn close_window(self) -> Result<Closing<'a>> {
        let pid = self.pid()?;
        let window = self.window().await?;
        press_close(
            self.desktop,
            &window,
            "the app's window gone from the screen",
            || Ok(self.desktop.windows_of(pid).is_empty()),
        )
        .await?;
        Ok(Closing {
            desktop: self.desktop,
            binary: self.binary.clone(),
            service: self.service.clone(),
        })
    }

    /// Waits until the app's window is the one with the focus.
    pub async fn comes_forward(&self) -> Result<()> {
        comes_forward(self.desktop, &self.binary).await
    }

    /// Closes the window as a person does, and waits until the app has ended.
    pub async fn close(self) -> Result<()> {
        close(self.desktop, &self.binary).await?;
        self.service.stop();
        Ok(())
    }

    /// Looks until `look` finds something. A page draws its elements anew whenever something changes, also
    /// while they are looked at; then `look` has another look.
    async fn settled<T>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> WebDriverResult<Option<T>>,
    ) -> Result<T> {
        wait::until(what, wait::STEP, async || match look().await {
            Ok(found) => Ok(found),
            Err(error) if is_passing(&error) => Ok(None),
            Err(error) => Err(error).context(what.to_owned()),
        })
        .await
    }
}

impl Drop for App<'_> {
    fn drop(&mut self) {
        // The desktop ends the app; left open until then, so that a picture of a failure shows the window.
        let _ = self.driver.clone().leak();
    }
}

/// The one process that runs `program`, whoever started it.
pub fn pid_of(desktop: &Desktop, program: &Path) -> Result<u32> {
    match desktop.processes_of(program).as_slice() {
        [one] => Ok(one.pid),
        [] => bail!("the app does not run"),
        several => bail!("{} of the app run at once", several.len()),
    }
}

/// The window of whichever process runs `program`, as soon as it is on the screen. A process that only hands
/// something over to the first one has none.
async fn window_of(desktop: &Desktop, program: &Path) -> Result<Window> {
    wait::until("the app's window on the screen", wait::STEP, async || {
        let mut running = desktop.processes_of(program).into_iter();
        Ok(running.find_map(|process| desktop.windows_of(process.pid).into_iter().next()))
    })
    .await
}

/// Waits until the window of `program` is the one with the focus.
pub async fn comes_forward(desktop: &Desktop, program: &Path) -> Result<()> {
    let window = window_of(desktop, program).await?;
    wait::until_true("the app's window coming forward", wait::STEP, async || {
        Ok(desktop
            .active_window()
            .is_some_and(|active| active.pid == window.pid))
    })
    .await
}

/// After how long keys that had no effect are pressed again.
const PRESS_AGAIN: Duration = Duration::from_secs(10);

/// An app whose window is gone.
pub struct Closing<'a> {
    desktop: &'a Desktop,
    binary: PathBuf,
    service: Arc<Program>,
}

impl Closing<'_> {
    /// Whether its process still runs.
    pub fn runs(&self) -> bool {
        !self.desktop.processes_of(&self.binary).is_empty()
    }

    /// Waits until its process has ended.
    pub async fn ended(self) -> Result<()> {
        wait::until_true("the end of the app", wait::STEP, async || Ok(!self.runs())).await?;
        self.service.stop();
        Ok(())
    }
}

/// Closes the window of `program` as a person does, and waits until the app has ended.
pub async fn close(desktop: &Desktop, program: &Path) -> Result<()> {
    let window = window_of(desktop, program).await?;
    press_close(
        desktop,
        &window,
        "the app's end after its window was closed",
        || Ok(desktop.processes_of(program).is_empty()),
    )
    .await
}

/// Presses what closes a window, until `closed`.
async fn press_close(
    desktop: &Desktop,
    window: &Window,
    what: &str,
    closed: impl Fn() -> Result<bool>,
) -> Result<()> {
    desktop.focus(window).await?;
    desktop.press("alt+F4")?;
    // On a busy machine the keys can be pressed before the window manager listens for them. They are pressed again only
    // while the app's window still has the focus, because otherwise they would close another one.
    let mut pressed = Instant::now();
    wait::until_true(what, wait::STEP, async || {
        let has_focus = || {
            desktop
                .active_window()
                .is_some_and(|active| active.id == window.id)
        };
        if pressed.elapsed() > PRESS_AGAIN && has_focus() {
            desktop.press("alt+F4")?;
            pressed = Instant::now();
        }
        closed()
    })
    .await
}

/// Whether an element was only drawn anew, or was covered for a moment.
fn is_passing(error: &WebDriverError) -> bool {
    matches!(
        **error,
        WebDriverErrorInner::StaleElementReference(_)
            | WebDriverErrorInner::NoSuchElement(_)
            | WebDriverErrorInner::ElementClickIntercepted(_)
            | WebDriverErrorInner::ElementNotInteractable(_)
    )
}

fn by(id: &str) -> By {
    By::Css(format!("[data-testid=\"{id}\"]"))
}

/// A port that nobody listens on at this moment.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
