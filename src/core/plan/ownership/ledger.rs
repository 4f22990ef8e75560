//! The claims of all resources, kept over the cycles.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Claim, Claimant, Rank, Spot, Target, Wanted};
use crate::core::{
    keys::ObjectKey,
    plan::change::ValueKey,
    resolve::SourceSlot,
    verdict::{Reason, Verdict},
};

/// Who claims which places. The order in which claims arrive never matters.
#[derive(Debug, Default)]
pub struct Ledger {
    targets: HashMap<Target, Vec<Held>>,
    /// The target of each resource's applications.
    known: BTreeMap<ObjectKey, BTreeMap<ObjectKey, Target>>,
}

/// The claims of one claimant.
#[derive(Debug)]
struct Held {
    rank: Rank,
    claims: Vec<Claim>,
}

/// An image that may not write, and who comes before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// The index of the image in its list.
    pub image: usize,
    /// Whether the other one has decided on another value. If not, there is only something to wait for.
    pub decided: bool,
    /// The verdict.
    pub verdict: Verdict,
}

impl Ledger {
    /// A claimant is about to decide: what it wants is not known before [`Self::put`], except where it claimed the same
    /// place before.
    pub fn announce(&mut self, rank: &Rank, target: &Target, mut claims: Vec<Claim>) {
        if let Some(held) = self.held(rank.claimant(), target) {
            for claim in &mut claims {
                let same = |old: &&Claim| old.spot == claim.spot && old.alias == claim.alias;
                if let Some(old) = held.claims.iter().find(same) {
                    claim.wanted.clone_from(&old.wanted);
                }
            }
        }
        self.put(rank, target, claims);
    }

    /// Replaces the claims of a claimant.
    pub fn put(&mut self, rank: &Rank, target: &Target, claims: Vec<Claim>) {
        let claimant = rank.claimant();
        self.remove(claimant);
        if claims.is_empty() {
            return;
        }
        let (resource, application) = (claimant.resource.clone(), claimant.application.clone());
        self.known
            .entry(resource)
            .or_default()
            .insert(application, target.clone());
        self.targets.entry(target.clone()).or_default().push(Held {
            rank: rank.clone(),
            claims,
        });
    }

    /// Drops the claims of a claimant.
    pub fn remove(&mut self, claimant: &Claimant) {
        let Some(applications) = self.known.get_mut(&claimant.resource) else {
            return;
        };
        let Some(target) = applications.remove(&claimant.application) else {
            return;
        };
        if applications.is_empty() {
            self.known.remove(&claimant.resource);
        }
        if let Some(held) = self.targets.get_mut(&target) {
            held.retain(|held| held.rank.claimant() != claimant);
            if held.is_empty() {
                self.targets.remove(&target);
            }
        }
    }

    /// Drops the claims of `resource` for all other applications than `kept`.
    pub fn keep_only(&mut self, resource: &ObjectKey, kept: &BTreeSet<ObjectKey>) {
        let known = self.known.get(resource).into_iter().flat_map(BTreeMap::keys);
        let gone: Vec<ObjectKey> = known
            .filter(|application| !kept.contains(application))
            .cloned()
            .collect();
        for application in gone {
            self.remove(&Claimant {
                resource: resource.clone(),
                application,
            });
        }
    }

    /// Drops the claims of all claimants that are not `present`.
    pub fn retain(&mut self, present: impl Fn(&Claimant) -> bool) {
        let gone: Vec<Claimant> = self.claimants().filter(|claimant| !present(claimant)).collect();
        for claimant in gone {
            self.remove(&claimant);
        }
    }

    /// All who claim something.
    pub fn claimants(&self) -> impl Iterator<Item = Claimant> + '_ {
        self.known.iter().flat_map(|(resource, applications)| {
            applications.keys().map(|application| Claimant {
                resource: resource.clone(),
                application: application.clone(),
            })
        })
    }

    /// The images of a claimant that may not write because another claim for one of their places comes first and wants
    /// another value, or has not decided. `default_branch` is that of the repository, as far as it is known.
    pub fn contest(&self, claimant: &Claimant, default_branch: Option<&str>) -> Vec<Loss> {
        let Some((target, own)) = self.own(claimant) else {
            return Vec::new();
        };
        let rivals = self.at(target, default_branch);
        let mut losses: Vec<Loss> = Vec::new();
        for claim in &own.claims {
            let Wanted::Value(value) = &claim.wanted else {
                continue;
            };
            let Some((winner, first)) = strongest(&rivals, &claim.spot) else {
                continue;
            };
            let decided = match &first.wanted {
                Wanted::Value(wanted) if wanted == value => continue,
                Wanted::Value(_) => true,
                Wanted::Undecided(_) => false,
            };
            let loss = Loss {
                image: claim.image,
                decided,
                verdict: verdict(target, claim, (winner, first), &own.rank),
            };
            match losses.iter_mut().find(|known| known.image == claim.image) {
                // A value that is known to differ says more than one to wait for.
                Some(known) if decided && !known.decided => *known = loss,
                Some(_) => {}
                None => losses.push(loss),
            }
        }
        losses
    }

    /// The left sides of Kustomize entries of an Application that other claimants own.
    pub fn foreign_images(&self, claimant: &Claimant) -> Vec<(SourceSlot, String)> {
        let Some((target, _)) = self.own(claimant) else {
            return Vec::new();
        };
        let others = self.at(target, None).into_iter();
        let others = others.filter(|held| held.rank.claimant() != claimant);
        let left = |claim: &Claim| match (&claim.spot.slot, &claim.spot.key) {
            (Some(slot), ValueKey::Kustomize(left)) => Some((*slot, left.clone())),
            _ => None,
        };
        others.flat_map(|held| held.claims.iter().filter_map(left)).collect()
    }

    fn own(&self, claimant: &Claimant) -> Option<(&Target, &Held)> {
        let target = self.known.get(&claimant.resource)?.get(&claimant.application)?;
        Some((target, self.held(claimant, target)?))
    }

    fn held(&self, claimant: &Claimant, target: &Target) -> Option<&Held> {
        let held = self.targets.get(target)?;
        held.iter().find(|held| held.rank.claimant() == claimant)
    }

    fn at(&self, target: &Target, default_branch: Option<&str>) -> Vec<&Held> {
        let spellings = target.spellings(default_branch);
        spellings
            .iter()
            .filter_map(|target| self.targets.get(target))
            .flatten()
            .collect()
    }
}

/// The claim that comes first at a place.
fn strongest<'a>(all: &[&'a Held], spot: &Spot) -> Option<(&'a Rank, &'a Claim)> {
    let claims = all
        .iter()
        .flat_map(|held| held.claims.iter().map(|claim| (&held.rank, claim)));
    claims
        .filter(|(_, claim)| claim.spot == *spot)
        .min_by(|a, b| (a.0, a.1.image).cmp(&(b.0, b.1.image)))
}

fn verdict(target: &Target, claim: &Claim, (winner, first): (&Rank, &Claim), own: &Rank) -> Verdict {
    let Claimant { resource, application } = winner.claimant();
    let place = match target {
        Target::Application(_) => claim.spot.key.to_string(),
        Target::File { path, .. } => format!("{} in the file {path:?}", claim.spot.key),
    };
    let advantage = winner.advantage(own);
    let what = match &first.wanted {
        Wanted::Value(_) => "writes another value there".to_owned(),
        Wanted::Undecided(None) => "has not decided yet what it writes there, so this one waits".to_owned(),
        Wanted::Undecided(Some(reason)) => {
            format!("could not decide what it writes there ({reason}), so this one waits")
        }
    };
    let message = format!(
        "{place} belongs to ImageUpdater {resource} (image {:?} of {application}), which {advantage} and {what}; let only \
         one of them follow it, or give each its own manifestTargets",
        first.alias
    );
    Verdict::new(Reason::Conflict, message)
}
