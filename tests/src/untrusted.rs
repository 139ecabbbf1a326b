//! A server that speaks TLS by a certificate that nobody vouches for.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// The server, until it is dropped.
pub struct Untrusted {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Untrusted {
    /// Starts it. It never gets as far as an answer.
    pub async fn start() -> Result<Self> {
        let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        let key =
            PrivateKeyDer::try_from(certified.signing_key.serialize_der()).map_err(|why| anyhow!(why))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let _ = acceptor.accept(connection).await;
            }
        });
        Ok(Self { address, serving })
    }

    /// Its address, as an issuer has one.
    pub fn issuer(&self) -> String {
        format!("https://{}", self.address)
    }
}

impl Drop for Untrusted {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
