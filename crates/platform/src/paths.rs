//! Where a person's data lives, and under which name its secrets are kept apart from those of other folders.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fmt::Write as _, io};

use sha2::{Digest as _, Sha256};

/// The name of the installed app to the system. The development build's name is this and `.dev`.
pub const IDENTIFIER: &str = "app.tessera.desktop";

/// What follows [`IDENTIFIER`] in the name of a development build.
const DEVELOPMENT_SUFFIX: &str = ".dev";

/// The variable that names another data folder.
const VARIABLE: &str = "TESSERA_HOME";

/// A data folder that exists: accounts, provider settings and logs. It holds no secret; those are in the
/// keychain, under [`DataFolder::namespace`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFolder {
    path: PathBuf,
    namespace: String,
}

impl DataFolder {
    /// The folder that `TESSERA_HOME` names, else the usual one of the app called `identifier`; made, with
    /// access for its owner alone, when it is not there.
    #[expect(
        clippy::disallowed_methods,
        reason = "every program asks for its folder here, once"
    )]
    pub fn locate(identifier: &str) -> Result<Self, DataFolderError> {
        Self::choose(std::env::var_os(VARIABLE), base(), identifier)
    }

    /// The folder at `path`; made, with access for its owner alone, when it is not there.
    pub fn at(path: &Path) -> Result<Self, DataFolderError> {
        Self::open(path, base().as_deref())
    }

    /// Where it is; absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name under which the keychain keeps this folder's secrets: the app's own for a usual folder,
    /// otherwise one that only this path has.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    fn choose(
        variable: Option<OsString>,
        base: Option<PathBuf>,
        identifier: &str,
    ) -> Result<Self, DataFolderError> {
        if let Some(named) = variable.filter(|value| !value.is_empty()) {
            return Self::open(Path::new(&named), base.as_deref());
        }
        let base = base.ok_or(DataFolderError::NoHome)?;
        Self::open(&base.join(identifier), Some(&base))
    }

    fn open(path: &Path, base: Option<&Path>) -> Result<Self, DataFolderError> {
        let failed = |error: io::Error| DataFolderError::Unusable {
            path: path.to_owned(),
            reason: error.kind().to_string(),
        };
        create(path).map_err(failed)?;
        // The same folder must have the same secrets by whatever way it is reached.
        let path = path.canonicalize().map_err(failed)?;
        let namespace = namespace(&path, base);
        Ok(Self { path, namespace })
    }
}

/// There is no folder to keep data in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataFolderError {
    /// The system does not say where this person's data belongs.
    #[error("the system names no home folder, and {VARIABLE} is not set")]
    NoHome,
    /// It is not there and cannot be made, or is not a folder.
    #[error("the folder {path} cannot be used: {reason}", path = path.display())]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// In the system's words.
        reason: String,
    },
}

/// Where apps keep data of this person that belongs to this machine.
fn base() -> Option<PathBuf> {
    directories::BaseDirs::new().map(|dirs| dirs.data_local_dir().to_owned())
}

fn create(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn namespace(path: &Path, base: Option<&Path>) -> String {
    let usual = base.and_then(|base| base.canonicalize().ok());
    for suffix in ["", DEVELOPMENT_SUFFIX] {
        let name = format!("{IDENTIFIER}{suffix}");
        if usual.as_ref().is_some_and(|usual| usual.join(&name) == path) {
            return name;
        }
    }
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    let mut name = format!("{IDENTIFIER}#");
    for byte in &digest[..6] {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn each_folder_has_its_own_namespace_and_the_usual_ones_the_plain_name() {
        let root = tempfile::tempdir().unwrap();
        let base = root.path().to_owned();
        let usual = DataFolder::choose(None, Some(base.clone()), IDENTIFIER).unwrap();
        let development = DataFolder::choose(None, Some(base.clone()), "app.tessera.desktop.dev").unwrap();
        let other =
            DataFolder::choose(Some(base.join("other").into()), Some(base.clone()), IDENTIFIER).unwrap();
        assert_eq!(usual.namespace(), "app.tessera.desktop");
        assert_eq!(development.namespace(), "app.tessera.desktop.dev");
        assert!(other.namespace().starts_with("app.tessera.desktop#"));
        let names = [usual.namespace(), development.namespace(), other.namespace()];
        assert!(names[0] != names[1] && names[1] != names[2] && names[0] != names[2]);
        assert_eq!(
            DataFolder::choose(Some(OsString::new()), Some(base), IDENTIFIER),
            Ok(usual)
        );
    }

    #[test]
    fn a_folder_is_the_same_by_whatever_way_it_is_reached() {
        let root = tempfile::tempdir().unwrap();
        let usual = DataFolder::open(&root.path().join(IDENTIFIER), Some(root.path())).unwrap();
        let round_about = root.path().join(IDENTIFIER).join("..").join(IDENTIFIER);
        assert_eq!(
            DataFolder::open(&round_about, Some(root.path())),
            Ok(usual.clone())
        );
        #[cfg(unix)]
        {
            let link = root.path().join("link");
            std::os::unix::fs::symlink(usual.path(), &link).unwrap();
            assert_eq!(DataFolder::open(&link, Some(root.path())), Ok(usual));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_new_folder_is_open_to_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(&root.path().join("a/b"), None).unwrap();
        let mode = std::fs::metadata(folder.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn what_cannot_be_a_folder_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(matches!(
            DataFolder::open(&file, None),
            Err(DataFolderError::Unusable { .. })
        ));
        assert_eq!(
            DataFolder::choose(None, None, IDENTIFIER),
            Err(DataFolderError::NoHome)
        );
    }
}
