//! Objects by namespace and name, shared between the watches that write and everybody who reads.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use crate::core::keys::ObjectKey;

type Objects<K> = BTreeMap<String, BTreeMap<String, Arc<K>>>;

/// The objects of one kind, as last seen; cheap to clone, all clones are one. Reading a namespace costs nothing for others.
#[derive(Debug)]
pub struct Store<K> {
    objects: Arc<RwLock<Objects<K>>>,
}

impl<K> Clone for Store<K> {
    fn clone(&self) -> Self {
        Self {
            objects: Arc::clone(&self.objects),
        }
    }
}

impl<K> Default for Store<K> {
    fn default() -> Self {
        Self {
            objects: Arc::default(),
        }
    }
}

impl<K> Store<K> {
    /// One object.
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<K>> {
        self.read().get(&key.namespace)?.get(&key.name).cloned()
    }

    /// The objects of one namespace, by name.
    pub fn list(&self, namespace: &str) -> Vec<Arc<K>> {
        let objects = self.read();
        objects
            .get(namespace)
            .into_iter()
            .flat_map(BTreeMap::values)
            .cloned()
            .collect()
    }

    /// All objects, by namespace and name.
    pub fn all(&self) -> Vec<Arc<K>> {
        self.read().values().flat_map(BTreeMap::values).cloned().collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.read().values().map(BTreeMap::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts an object and returns what was there before.
    pub(super) fn put(&self, key: &ObjectKey, object: Arc<K>) -> Option<Arc<K>> {
        let mut objects = self.write();
        if let Some(names) = objects.get_mut(&key.namespace) {
            return names.insert(key.name.clone(), object);
        }
        objects.insert(key.namespace.clone(), BTreeMap::from([(key.name.clone(), object)]));
        None
    }

    /// Removes an object and returns it.
    pub(super) fn remove(&self, key: &ObjectKey) -> Option<Arc<K>> {
        let mut objects = self.write();
        let names = objects.get_mut(&key.namespace)?;
        let removed = names.remove(&key.name);
        if names.is_empty() {
            objects.remove(&key.namespace);
        }
        removed
    }

    /// The keys of one namespace, or of all.
    pub(super) fn keys(&self, namespace: Option<&str>) -> Vec<ObjectKey> {
        let objects = self.read();
        let within = objects
            .iter()
            .filter(|(place, _)| namespace.is_none_or(|n| n == *place));
        within
            .flat_map(|(place, names)| names.keys().map(move |name| ObjectKey::new(place, name)))
            .collect()
    }

    // A panic while the lock was held left no half-done change behind: each of them is one call on a map.
    fn read(&self) -> RwLockReadGuard<'_, Objects<K>> {
        self.objects.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Objects<K>> {
        self.objects.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_found_by_namespace_and_leave_nothing_behind() {
        let store = Store::default();
        let key = |namespace: &str, name: &str| ObjectKey::new(namespace, name);
        for (namespace, name, value) in [("b", "x", 1), ("a", "y", 2), ("a", "x", 3)] {
            assert_eq!(store.put(&key(namespace, name), Arc::new(value)), None);
        }
        assert_eq!(store.put(&key("a", "x"), Arc::new(4)), Some(Arc::new(3)));
        assert_eq!(store.list("a"), [Arc::new(4), Arc::new(2)]);
        assert_eq!(store.all(), [Arc::new(4), Arc::new(2), Arc::new(1)]);
        assert_eq!(store.keys(Some("b")), [key("b", "x")]);
        assert_eq!((store.len(), store.keys(None).len()), (3, 3));
        assert_eq!(store.remove(&key("b", "x")), Some(Arc::new(1)));
        assert_eq!(store.remove(&key("b", "x")), None);
        assert_eq!(store.get(&key("b", "x")), None);
        assert!(store.list("b").is_empty());
    }
}
