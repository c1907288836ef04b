//! XChaCha20-Poly1305 with a random nonce each time: 24 bytes of it, so that chance alone keeps them apart however
//! many values a key seals. What is sealed is bound to its workspace and person, and opens as nobody else's.

use base64::{Engine, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Generate, Payload},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

/// The first byte of all that is sealed.
const VERSION: u8 = 1;
const NONCE_LENGTH: usize = 24;

/// A person in a workspace: whom a key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Owner {
    pub workspace: Uuid,
    pub person: Uuid,
}

/// 256 random bits; overwritten when dropped.
pub(super) struct Key(Zeroizing<[u8; 32]>);

/// What a ciphertext is, so that a wrapped key can never pass for a value.
#[derive(Clone, Copy)]
enum Purpose {
    Value,
    Key,
}

impl Key {
    pub fn generate() -> Self {
        Self(Zeroizing::new(chacha20poly1305::Key::generate().into()))
    }

    /// `None` when there are not 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    pub fn bytes(&self) -> &[u8] {
        &*self.0
    }

    /// Tells two keys apart without telling anything of them.
    pub fn fingerprint(&self) -> [u8; 32] {
        let hasher = Sha256::new().chain_update(b"prometric.master_key");
        hasher.chain_update(self.bytes()).finalize().into()
    }

    /// A value, as base64.
    pub fn seal(&self, owner: Owner, value: &str) -> String {
        STANDARD.encode(self.encrypt(Purpose::Value, owner, value.as_bytes()))
    }

    /// `None` when it was not sealed by this key for this owner, or was changed since.
    pub fn open(&self, owner: Owner, sealed: &str) -> Option<String> {
        let value = self.decrypt(Purpose::Value, owner, &STANDARD.decode(sealed).ok()?)?;
        String::from_utf8(value).ok()
    }

    pub fn wrap(&self, owner: Owner, key: &Self) -> Vec<u8> {
        self.encrypt(Purpose::Key, owner, key.bytes())
    }

    pub fn unwrap_key(&self, owner: Owner, wrapped: &[u8]) -> Option<Self> {
        Self::from_bytes(&Zeroizing::new(self.decrypt(Purpose::Key, owner, wrapped)?))
    }

    #[expect(
        clippy::expect_used,
        reason = "only more than 256 GiB are refused, and an event has a megabyte at most"
    )]
    fn encrypt(&self, purpose: Purpose, owner: Owner, clear: &[u8]) -> Vec<u8> {
        let nonce = XNonce::generate();
        let bound = bound(purpose, owner);
        let payload = Payload {
            msg: clear,
            aad: &bound,
        };
        let sealed = self.cipher().encrypt(&nonce, payload);
        let sealed = sealed.expect("far less than 256 GiB");
        [&[VERSION], nonce.as_slice(), &sealed].concat()
    }

    fn decrypt(&self, purpose: Purpose, owner: Owner, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.strip_prefix(&[VERSION])?.split_at_checked(NONCE_LENGTH)?;
        let nonce: [u8; NONCE_LENGTH] = nonce.try_into().ok()?;
        let bound = bound(purpose, owner);
        let payload = Payload {
            msg: sealed,
            aad: &bound,
        };
        self.cipher().decrypt(&nonce.into(), payload).ok()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }
}

/// Two ids of fixed length after a label: no two bindings share one encoding.
fn bound(purpose: Purpose, Owner { workspace, person }: Owner) -> Vec<u8> {
    let label = match purpose {
        Purpose::Value => "prometric.personal.value",
        Purpose::Key => "prometric.personal.key",
    };
    [label.as_bytes(), workspace.as_bytes(), person.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Owner = Owner {
        workspace: Uuid::from_u128(1),
        person: Uuid::from_u128(2),
    };

    #[test]
    fn what_is_sealed_opens_with_its_key_for_its_owner_alone() {
        let key = Key::generate();
        let sealed = key.seal(OWNER, r#""Имя""#);
        assert_eq!(key.open(OWNER, &sealed).as_deref(), Some(r#""Имя""#));
        assert_ne!(key.seal(OWNER, r#""Имя""#), sealed, "no nonce is used twice");
        assert_eq!(Key::generate().open(OWNER, &sealed), None);
        let others = [
            Owner {
                workspace: Uuid::from_u128(2),
                ..OWNER
            },
            Owner {
                person: Uuid::from_u128(1),
                ..OWNER
            },
        ];
        for other in others {
            assert_eq!(key.open(other, &sealed), None);
        }
    }

    #[test]
    fn any_changed_byte_and_any_shorter_text_is_refused() {
        let key = Key::generate();
        let bytes = STANDARD.decode(key.seal(OWNER, "1")).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(key.open(OWNER, &STANDARD.encode(changed)), None, "byte {at}");
            assert_eq!(key.open(OWNER, &STANDARD.encode(&bytes[..at])), None, "{at} bytes");
        }
        assert_eq!(key.open(OWNER, "no base64!"), None);
    }

    #[test]
    fn a_wrapped_key_comes_back_and_is_no_value() {
        let (master, key) = (Key::generate(), Key::generate());
        let wrapped = master.wrap(OWNER, &key);
        let back = master.unwrap_key(OWNER, &wrapped).unwrap();
        assert_eq!(back.fingerprint(), key.fingerprint());
        assert!(Key::generate().unwrap_key(OWNER, &wrapped).is_none());
        assert_eq!(master.open(OWNER, &STANDARD.encode(wrapped)), None);
    }
}
