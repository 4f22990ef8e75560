//! A map that forgets what was not used for the longest time.

use std::{borrow::Borrow, collections::HashMap, hash::Hash};

/// A map whose values have a weight, and which is bounded in both number and weight.
#[derive(Debug)]
pub(super) struct Bounded<K, V> {
    slots: HashMap<K, Slot<V>>,
    most: usize,
    most_weight: usize,
    weight: usize,
    uses: u64,
}

#[derive(Debug)]
struct Slot<V> {
    value: V,
    weight: usize,
    used: u64,
}

impl<K: Eq + Hash, V> Bounded<K, V> {
    /// At most `most` values, and `most_weight` of them all together.
    pub(super) fn new(most: usize, most_weight: usize) -> Self {
        Self {
            slots: HashMap::new(),
            most,
            most_weight,
            weight: 0,
            uses: 0,
        }
    }

    pub(super) fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.uses += 1;
        let slot = self.slots.get_mut(key)?;
        slot.used = self.uses;
        Some(&mut slot.value)
    }

    /// Keeps a value. One that alone is heavier than a quarter of what all may be is not kept.
    pub(super) fn put(&mut self, key: K, value: V, weight: usize) {
        self.remove(&key);
        if weight > self.most_weight / 4 {
            return;
        }
        self.uses += 1;
        self.weight += weight;
        let used = self.uses;
        self.slots.insert(key, Slot { value, weight, used });
        self.bound();
    }

    /// Says that a kept value has another weight now.
    pub(super) fn weigh(&mut self, key: &K, weight: usize) {
        if let Some(slot) = self.slots.get_mut(key) {
            self.weight = self.weight - slot.weight + weight;
            slot.weight = weight;
            self.bound();
        }
    }

    pub(super) fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let slot = self.slots.remove(key)?;
        self.weight -= slot.weight;
        Some(slot.value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.slots.iter().map(|(key, slot)| (key, &slot.value))
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Forgets until a quarter of the room is free, so that this is not done for every new value.
    fn bound(&mut self) {
        if self.slots.len() <= self.most && self.weight <= self.most_weight {
            return;
        }
        let mut by_use: Vec<_> = self.slots.values().map(|slot| (slot.used, slot.weight)).collect();
        by_use.sort_unstable();
        let (mut left, mut weight) = (by_use.len(), self.weight);
        let mut forgotten = 0;
        for (used, of_one) in by_use {
            if left <= self.most - self.most / 4 && weight <= self.most_weight - self.most_weight / 4 {
                break;
            }
            left -= 1;
            weight -= of_one;
            forgotten = used;
        }
        self.slots.retain(|_, slot| slot.used > forgotten);
        self.weight = weight;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_not_used_for_the_longest_time_is_forgotten_first() {
        let mut all = Bounded::new(4, 100);
        for n in 0..4 {
            all.put(n, n, 1);
        }
        all.get(&0);
        all.put(4, 4, 1);
        let mut kept: Vec<_> = all.iter().map(|(key, _)| *key).collect();
        kept.sort_unstable();
        assert_eq!(kept, [0, 3, 4]);
    }

    #[test]
    fn one_that_is_too_heavy_is_not_kept_and_drives_nobody_out() {
        let mut all = Bounded::new(4, 100);
        all.put("light", (), 1);
        all.put("heavy", (), 26);
        assert!(all.get("light").is_some());
        assert!(all.get("heavy").is_none());
    }

    proptest! {
        #[test]
        fn it_is_never_larger_than_its_bounds(puts in proptest::collection::vec((0..50_u8, 0..30_usize), 0..200)) {
            let mut all = Bounded::new(10, 100);
            for (key, weight) in puts {
                all.put(key, (), weight);
                all.weigh(&key.wrapping_add(1), weight);
                let weights: usize = all.slots.values().map(|slot| slot.weight).sum();
                prop_assert_eq!(all.weight, weights);
                prop_assert!(all.len() <= 10 && weights <= 100);
            }
        }
    }
}
