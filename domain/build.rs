//! Writes the fingerprint of the folds: SHA-256 over every source of this crate, its version and the exact
//! dependencies. Why so coarse: `src/fingerprint.rs`.

use sha2::{Digest, Sha256};
use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let mut files = sources(&root.join("src"))?;
    files.push(root.join("../Cargo.lock"));
    files.sort();
    let mut hasher = Sha256::new();
    hasher.update(env::var("CARGO_PKG_VERSION")?);
    for file in files.iter().filter(|file| file.exists()) {
        println!("cargo::rerun-if-changed={}", file.display());
        let name = file.strip_prefix(&root)?.to_string_lossy().into_owned();
        for part in [name.as_bytes(), &fs::read(file)?] {
            // Prefixed by its length, so that no two trees are hashed as the same bytes.
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
    }
    println!("cargo::rerun-if-changed={}", root.join("src").display());
    fs::write(Path::new(&env::var("OUT_DIR")?).join("fingerprint"), hasher.finalize())?;
    Ok(())
}

fn sources(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}
