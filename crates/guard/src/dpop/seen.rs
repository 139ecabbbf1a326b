//! The proofs that were taken and are still in their time (RFC 9449 section 11.1): so many in all, and so many of one
//! key. Without the second bound, whoever has one good token could fill the memory, and nobody else would come through.

use std::collections::{BTreeMap, HashMap, HashSet};

use sha2::{Digest as _, Sha256};
use tessera_oidc::UnixTime;

use super::ProofFault;

/// A SHA-256: names come from outside, and are all to take the same room.
type Hash = [u8; 32];

/// One that was taken.
struct Taken {
    name: Hash,
    key: Hash,
}

/// The names of proofs, by when they are of no use any more.
pub(super) struct Seen {
    capacity: usize,
    capacity_per_key: usize,
    names: HashSet<Hash>,
    count_by_key: HashMap<Hash, usize>,
    by_end: BTreeMap<UnixTime, Vec<Taken>>,
    /// What ended up to here may have been forgotten: a clock that was set back must not bring it to life again.
    forgotten_until: Option<UnixTime>,
}

impl Seen {
    pub(super) fn with_capacity(capacity: usize, capacity_per_key: usize) -> Self {
        Self {
            capacity,
            capacity_per_key,
            names: HashSet::new(),
            count_by_key: HashMap::new(),
            by_end: BTreeMap::new(),
            forgotten_until: None,
        }
    }

    /// Remembers the proof `jti` of the key with this thumbprint, which could be used until `end`.
    pub(super) fn take(
        &mut self,
        thumbprint: &str,
        jti: &str,
        end: UnixTime,
        now: UnixTime,
    ) -> Result<(), ProofFault> {
        self.forget_before(now);
        let name = Sha256::digest(format!("{thumbprint}.{jti}")).into();
        if self.names.contains(&name) {
            return Err(ProofFault::Replayed);
        }
        if Some(end) <= self.forgotten_until {
            return Err(ProofFault::OutOfTime);
        }
        let key = Sha256::digest(thumbprint).into();
        let of_this_key = self.count_by_key.get(&key).copied().unwrap_or_default();
        if of_this_key >= self.capacity_per_key {
            return Err(ProofFault::KeyCrowded);
        }
        if self.names.len() >= self.capacity {
            return Err(ProofFault::Crowded);
        }
        self.names.insert(name);
        self.count_by_key.insert(key, of_this_key + 1);
        self.by_end.entry(end).or_default().push(Taken { name, key });
        Ok(())
    }

    fn forget_before(&mut self, now: UnixTime) {
        let alive = self.by_end.split_off(&now);
        for (end, ended) in std::mem::replace(&mut self.by_end, alive) {
            self.forgotten_until = self.forgotten_until.max(Some(end));
            for Taken { name, key } in ended {
                self.names.remove(&name);
                match self.count_by_key.get_mut(&key) {
                    Some(count) if *count > 1 => *count -= 1,
                    _ => {
                        self.count_by_key.remove(&key);
                    }
                }
            }
        }
    }
}
