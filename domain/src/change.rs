//! How an update changes a state: by the fields it names.

/// An update that names a field replaces it.
pub(crate) fn set<T>(field: &mut T, new: Option<T>) {
    if let Some(new) = new {
        *field = new;
    }
}
