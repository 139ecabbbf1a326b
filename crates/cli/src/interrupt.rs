//! Being told to stop: Ctrl-C, and on Unix also the polite signals that a closing terminal or `timeout` send.

/// Listens from the moment it is made, so that an interruption is never the system's to answer.
pub(crate) struct Interrupt {
    #[cfg(unix)]
    signals: Vec<tokio::signal::unix::Signal>,
    #[cfg(windows)]
    signals: Option<tokio::signal::windows::CtrlC>,
}

#[cfg(unix)]
impl Interrupt {
    /// Begins to listen. A signal that cannot be listened to ends the program as it always did.
    pub(crate) fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ];
        Self {
            signals: kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect(),
        }
    }

    /// Waits for the next one.
    pub(crate) async fn came(&mut self) {
        let any = std::future::poll_fn(|context| {
            let came = self
                .signals
                .iter_mut()
                .any(|signal| signal.poll_recv(context).is_ready());
            if came {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        });
        any.await;
    }
}

#[cfg(windows)]
impl Interrupt {
    /// Begins to listen.
    pub(crate) fn listen() -> Self {
        Self {
            signals: tokio::signal::windows::ctrl_c().ok(),
        }
    }

    /// Waits for the next one.
    pub(crate) async fn came(&mut self) {
        match &mut self.signals {
            Some(signals) => {
                signals.recv().await;
            }
            None => std::future::pending().await,
        }
    }
}
