//! `tessera-sandbox`: the sandbox as a process of its own.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tessera_sandbox::{Options, Sandbox};

/// An identity provider and a protected API on this machine, for trying Tessera out. Not a real provider.
///
/// Prints one line of JSON when it is ready. People: ann (password ann) and bob (password bob).
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The loopback address to listen on; no other is accepted
    #[arg(long, default_value = "127.0.0.1")]
    address: IpAddr,
    /// The provider's port [default: the one in the state folder, or any free one]
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// The protected API's port [default: as above]
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    api_port: u16,
    /// A folder to remember keys, ports and sign-ins in, so that a restart is not a sign-out
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Seconds an access token is good for
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(i64).range(1..=86_400))]
    access_token_life: i64,
    /// End when standard input closes, and so together with whoever started this
    #[arg(long)]
    exit_with_stdin: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,tessera_sandbox=info")),
        )
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start(Options {
        address: arguments.address,
        port: arguments.port,
        api_port: arguments.api_port,
        state: arguments.state,
        access_token_life: arguments.access_token_life,
        ..Options::default()
    })
    .await?;
    let mut line = serde_json::to_string(&sandbox.ready())?;
    line.push('\n');
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(line.as_bytes())?;
    stdout.flush()?;
    drop(stdout);
    tracing::info!(
        "listening on loopback only: provider {}, protected API {}",
        sandbox.issuer(),
        sandbox.api()
    );

    let (closed, stdin_closed) = tokio::sync::oneshot::channel();
    if arguments.exit_with_stdin {
        // A thread, because a blocked read of standard input cannot be given up.
        std::thread::spawn(move || {
            let mut buffer = [0; 1024];
            let mut stdin = std::io::stdin().lock();
            while matches!(stdin.read(&mut buffer), Ok(1..)) {}
            let _ = closed.send(());
        });
        tokio::select! {
            _ = stdin_closed => {}
            () = asked_to_end() => {}
        }
    } else {
        asked_to_end().await;
    }
    sandbox.stop().await;
    Ok(())
}

/// Ctrl-C, or on Unix a request to terminate.
async fn asked_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
