//! A certificate of `localhost`, made for one test and gone with it.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::{env::temp_dir, fs, path::PathBuf};
use uuid::Uuid;

/// A folder with `localhost.pem`, which is its own authority, and `localhost.key`.
pub struct Certificate(PathBuf);

impl Certificate {
    pub fn of_localhost() -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
        let folder = temp_dir().join(format!("prometric-certificate-{}", Uuid::now_v7()));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("localhost.pem"), cert.pem()).unwrap();
        fs::write(folder.join("localhost.key"), signing_key.serialize_pem()).unwrap();
        Self(folder)
    }

    /// Puts another file beside; answers where it is.
    pub fn keep(&self, name: &str, text: &str) -> String {
        fs::write(self.0.join(name), text).unwrap();
        self.path(name)
    }

    pub fn path(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}
