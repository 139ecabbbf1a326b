//! Starts and stops a sandbox, and lets whoever started it look inside.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use jsonwebtoken::Algorithm;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock::SandboxClock;
use crate::faults::Faults;
use crate::keys::{KeyError, KeyRing, SigningKey};
use crate::log::RequestLog;
use crate::options::Options;
use crate::records::Records;
use crate::serve::{self, Front, Server};
use crate::state_file::{Restored, StateError, StateFile};
use crate::world::World;
use crate::{api, clock, control, dpop, github, google, provider};

/// Why a sandbox does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is not this machine's own.
    #[error("the sandbox listens only on loopback addresses, and {0} is not one")]
    NotLoopback(IpAddr),
    /// The port is taken or may not be opened.
    #[error("{address} cannot be opened: {reason} (is another sandbox running?)")]
    Port {
        /// What was tried.
        address: SocketAddr,
        /// In the system's words.
        reason: std::io::Error,
    },
    /// The state folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// A signing key cannot be made.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// A running sandbox: an identity provider and a protected API, each on its own port. Both end when it is
/// dropped.
#[derive(Debug)]
pub struct Sandbox {
    world: Arc<World>,
    router: Router,
    state_file: Option<Arc<StateFile>>,
    tasks: Vec<JoinHandle<()>>,
    stop: watch::Sender<()>,
}

impl Sandbox {
    /// Starts both servers. They answer as soon as this returns.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        if !options.address.is_loopback() {
            return Err(StartError::NotLoopback(options.address));
        }
        let (state_file, restored) = match &options.state {
            None => (None, None),
            Some(folder) => {
                let (file, restored) = StateFile::open(folder)?;
                (Some(Arc::new(file)), restored)
            }
        };
        let remembered = restored
            .as_ref()
            .map_or((0, 0), |state| (state.port, state.api_port));
        let provider_listener = listen(options.address, options.port, remembered.0).await?;
        let api_listener = listen(options.address, options.api_port, remembered.1).await?;
        let (origin, port) = origin(&provider_listener)?;
        let (api_origin, api_port) = self::origin(&api_listener)?;

        let restored = match restored {
            Some(restored) => restored,
            None => Restored {
                port,
                api_port,
                keys: KeyRing::new(SigningKey::generate(Algorithm::ES256)?, Vec::new()),
                google_keys: None,
                records: Records::default(),
            },
        };
        let world = Arc::new(World::new(
            options,
            origin,
            api_origin,
            restored.keys,
            restored.google_keys,
            restored.records,
        ));
        if let Some(proofs) = dpop::proofs(&world, Server::Provider) {
            world.proofs.get_or_init(|| proofs);
        }
        if let Some(file) = &state_file {
            file.write(&world, port, api_port)?;
        }

        let front = |server| {
            Arc::new(Front {
                server,
                world: Arc::clone(&world),
                state_file: state_file.clone(),
                port,
                api_port,
            })
        };
        let provider = provider::routes()
            .nest("/google", google::routes())
            .nest("/github", github::web_routes())
            .merge(control::routes())
            .fallback(provider::nothing_here)
            .with_state(Arc::clone(&world))
            .layer(from_fn_with_state(front(Server::Provider), serve::observe))
            .layer(from_fn_with_state(Arc::clone(&world), clock::date));
        let api = api::routes(&world)
            .layer(from_fn_with_state(front(Server::Api), serve::observe))
            .layer(from_fn_with_state(Arc::clone(&world), clock::date));
        let (stop, stopped) = watch::channel(());
        Ok(Self {
            tasks: vec![
                tokio::spawn(serve::serve(provider_listener, provider.clone(), stopped.clone())),
                tokio::spawn(serve::serve(api_listener, api, stopped)),
            ],
            router: provider,
            state_file,
            world,
            stop,
        })
    }

    /// The standard dialect's issuer, which is also the provider's origin.
    pub fn issuer(&self) -> &str {
        &self.world.origin
    }

    /// The protected API's origin.
    pub fn api(&self) -> &str {
        &self.world.api_origin
    }

    /// Every request received, and how it was answered.
    pub fn log(&self) -> &RequestLog {
        &self.world.log
    }

    /// The clock that everything here goes by.
    pub fn clock(&self) -> &SandboxClock {
        &self.world.clock
    }

    /// What goes wrong, and for whom.
    pub fn faults(&self) -> &Faults {
        &self.world.faults
    }

    /// Ends every access token at once; refresh tokens stay good.
    pub fn expire_access_tokens(&self) {
        self.world.records_mut().expire_access_tokens();
    }

    /// Signs with new keys from now on. `keep_earlier` leaves the earlier ones in the key set.
    pub fn rotate_keys(&self, keep_earlier: bool) -> Result<(), KeyError> {
        self.world.rotate_keys(keep_earlier)
    }

    /// Ends everything that was ever granted, as if each person had done it on the provider's own pages.
    pub fn revoke_everything(&self) {
        self.world.records_mut().revoke_grants(|_| true);
    }

    /// Ends both servers and every connection, and waits until ports and state folder are free.
    pub async fn stop(mut self) {
        self.stop.send_replace(());
        for task in std::mem::take(&mut self.tasks) {
            if let Err(error) = task.await {
                tracing::error!(%error, "a server did not end well");
            }
        }
        if let Some(file) = &self.state_file {
            file.close();
        }
    }

    pub(crate) fn password_of(&self, username: &str) -> String {
        let people = &self.world.options.people;
        people
            .iter()
            .find(|person| person.username == username)
            .map(|person| person.password.clone())
            .unwrap_or_default()
    }

    /// The provider without its network, for [`Visitor`](crate::visitor::Visitor).
    pub(crate) fn router(&self) -> Router {
        self.router.clone()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.send_replace(());
        if let Some(file) = &self.state_file {
            file.close();
        }
    }
}

/// The port that was asked for, or else the remembered one, or else any free one.
async fn listen(address: IpAddr, asked: u16, remembered: u16) -> Result<TcpListener, StartError> {
    let wanted = if asked == 0 { remembered } else { asked };
    let address = SocketAddr::new(address, wanted);
    serve::listen(address)
        .await
        .map_err(|reason| StartError::Port { address, reason })
}

fn origin(listener: &TcpListener) -> Result<(String, u16), StartError> {
    let address = listener.local_addr().map_err(|reason| StartError::Port {
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        reason,
    })?;
    Ok((format!("http://{address}"), address.port()))
}
