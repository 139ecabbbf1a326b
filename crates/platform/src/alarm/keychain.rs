//! Notices that the Secret Service's keyring was unlocked, by the signal that its specification has for a property that
//! changed. Nothing here starts a service or opens a prompt.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::StreamExt as _;
use tokio::sync::Notify;
use zbus::message::Type;
use zbus::zvariant::Value;
use zbus::{Connection, MatchRule, MessageStream};

const COLLECTION: &str = "org.freedesktop.Secret.Collection";
const COLLECTIONS: &str = "/org/freedesktop/secrets/collection";

/// Tells of each unlocking, for as long as there is a session bus.
pub(super) async fn watch(unlocked: Arc<Notify>) {
    if let Err(error) = listen(&unlocked).await {
        tracing::debug!(%error, "it is not noticed when a keychain is unlocked");
    }
}

async fn listen(unlocked: &Notify) -> zbus::Result<()> {
    let rule = MatchRule::builder()
        .msg_type(Type::Signal)
        .interface("org.freedesktop.DBus.Properties")?
        .member("PropertiesChanged")?
        .path_namespace(COLLECTIONS)?
        .add_arg(COLLECTION)?
        .build();
    let connection = Connection::session().await?;
    let mut signals = MessageStream::for_match_rule(rule, &connection, None).await?;
    while let Some(signal) = signals.next().await {
        let signal = signal?;
        let body = signal.body();
        let Ok((_, changed, _)) = body.deserialize::<(&str, HashMap<&str, Value<'_>>, Vec<&str>)>() else {
            continue;
        };
        if matches!(changed.get("Locked"), Some(Value::Bool(false))) {
            unlocked.notify_one();
        }
    }
    Ok(())
}
