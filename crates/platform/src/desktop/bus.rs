//! What answers on the session bus. Nothing here starts a service or opens a prompt.

use tessera_client::ports::{DesktopError, Holder, SecretService};
use zbus::fdo::{self, DBusProxy};
use zbus::names::{BusName, WellKnownName};
use zbus::zvariant::OwnedObjectPath;
use zbus::{Connection, Proxy};

use super::process;

const SECRETS: &str = "org.freedesktop.secrets";

/// The path that means "none".
const NOTHING: &str = "/";

pub(super) async fn session_bus() -> Result<Option<SecretService>, DesktopError> {
    let connection = connected().await?;
    let bus = DBusProxy::new(&connection).await.map_err(failed)?;
    let name = WellKnownName::from_static_str_unchecked(SECRETS);
    let there = bus.name_has_owner(BusName::from(name)).await;
    let state = if there.map_err(failed)? {
        let locked = is_locked(&connection).await.map_err(failed)?;
        if locked {
            SecretService::Locked
        } else {
            SecretService::Open
        }
    } else {
        let startable = bus.list_activatable_names().await;
        let startable = startable.map_err(failed)?;
        if startable.iter().any(|name| name.as_str() == SECRETS) {
            SecretService::Startable
        } else {
            SecretService::Missing
        }
    };
    Ok(Some(state))
}

pub(super) async fn name_holder(name: &str) -> Result<Holder, DesktopError> {
    let name = WellKnownName::try_from(name).map_err(|error| DesktopError::Failed(error.to_string()))?;
    let connection = connected().await?;
    let bus = DBusProxy::new(&connection).await.map_err(failed)?;
    match bus.get_connection_unix_process_id(BusName::from(name)).await {
        Ok(process) => Ok(process::holder(process)),
        Err(fdo::Error::NameHasNoOwner(_)) => Ok(Holder::Nobody),
        Err(error) => Err(failed(error)),
    }
}

async fn connected() -> Result<Connection, DesktopError> {
    Connection::session()
        .await
        .map_err(|error| DesktopError::NoBus(error.to_string()))
}

/// Whether the keyring that secrets go to is locked. One that was not made yet is not.
async fn is_locked(connection: &Connection) -> zbus::Result<bool> {
    let service = Proxy::new(
        connection,
        SECRETS,
        "/org/freedesktop/secrets",
        "org.freedesktop.Secret.Service",
    )
    .await?;
    let default: OwnedObjectPath = service.call("ReadAlias", &"default").await?;
    if default.as_str() == NOTHING {
        return Ok(false);
    }
    let collection = Proxy::new(connection, SECRETS, default, "org.freedesktop.Secret.Collection").await?;
    collection.get_property("Locked").await
}

fn failed(error: impl std::fmt::Display) -> DesktopError {
    DesktopError::Failed(format!("the session bus failed: {error}"))
}
