//! The lease against the real API server: hand-over to and from a client that updates as client-go does.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use argocd_image_updater::{
    cluster::Cluster,
    controller::lease::{Held, LEASE_NAME, Lease, Timings},
};
use k8s_openapi::{api::coordination::v1 as k8s, apimachinery::pkg::apis::meta::v1::MicroTime};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, GroupVersionKind, PostParams},
};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{
    apiserver::{ApiServer, User, eventually},
    tcp_proxy::TcpProxy,
};

/// A tenth of the real ones, as far as whole seconds allow.
const QUICK: Timings = Timings {
    duration: Duration::from_secs(2),
    renew_deadline: Duration::from_millis(1200),
    retry: Duration::from_millis(200),
};

async fn acquire(candidate: &Lease) -> Held {
    timeout(Duration::from_secs(30), candidate.acquire())
        .await
        .expect("the lease within 30 s")
}

fn leases(server: &ApiServer, namespace: &str) -> Api<k8s::Lease> {
    Api::namespaced(server.client(), namespace)
}

/// The spec as the API server has it.
async fn stored(server: &ApiServer, namespace: &str) -> Value {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("coordination.k8s.io", "v1", "Lease"));
    let api: Api<DynamicObject> = Api::namespaced_with(server.client(), namespace, &kind);
    api.get(LEASE_NAME).await.unwrap().data["spec"].clone()
}

/// The original as the other controller: writes a Lease with get, create and update, the way client-go does.
struct Original {
    api: Api<k8s::Lease>,
}

impl Original {
    /// One write. `skew` is how far its clock is ahead of ours.
    async fn write(&self, holder: Option<&str>, seconds: i32, skew: jiff::SignedDuration) {
        let now = MicroTime(jiff::Timestamp::now() + skew);
        let found = self.api.get_opt(LEASE_NAME).await.unwrap();
        let before = found.as_ref().and_then(|lease| lease.spec.clone()).unwrap_or_default();
        let renewed = found.is_some() && before.holder_identity.as_deref() == holder;
        let spec = k8s::LeaseSpec {
            holder_identity: holder.map(str::to_owned),
            lease_duration_seconds: Some(seconds),
            acquire_time: if renewed {
                before.acquire_time
            } else {
                Some(now.clone())
            },
            renew_time: Some(now),
            lease_transitions: Some(before.lease_transitions.unwrap_or(0) + i32::from(found.is_some() && !renewed)),
            ..k8s::LeaseSpec::default()
        };
        let mut lease = found.clone().unwrap_or_default();
        lease.metadata.name = Some(LEASE_NAME.to_owned());
        lease.spec = Some(spec);
        match found {
            Some(_) => self
                .api
                .replace(LEASE_NAME, &PostParams::default(), &lease)
                .await
                .unwrap(),
            None => self.api.create(&PostParams::default(), &lease).await.unwrap(),
        };
    }
}

#[tokio::test]
async fn a_free_lease_is_taken_and_renewed_in_the_form_of_other_controllers() {
    let server = ApiServer::shared().await;
    let namespace = server.namespace().await;
    let account = server.original_account(&namespace).await;
    let cluster = Cluster::new(server.client_as(&namespace, account));
    let held = acquire(&Lease::new(cluster.clone(), namespace.as_str(), "us").with_timings(QUICK)).await;
    assert!(held.is_held());

    let first = stored(server, &namespace).await;
    assert_eq!(first["holderIdentity"], "us");
    assert_eq!(first["leaseDurationSeconds"], 2);
    assert_eq!(first["leaseTransitions"], 0);
    assert_eq!(first["acquireTime"], first["renewTime"]);
    let time = first["renewTime"].as_str().unwrap();
    assert_eq!(
        (time.len(), &time[19..20], &time[26..]),
        (27, ".", "Z"),
        "microseconds: {time}"
    );

    eventually("it is renewed", || async {
        stored(server, &namespace).await["renewTime"] != first["renewTime"]
    })
    .await;
    let second = stored(server, &namespace).await;
    assert_eq!(
        (&second["acquireTime"], &second["leaseTransitions"]),
        (&first["acquireTime"], &json!(0))
    );
    let lease = leases(server, &namespace).get(LEASE_NAME).await.unwrap();
    let operations: Vec<_> = lease
        .metadata
        .managed_fields
        .iter()
        .flatten()
        .map(|f| f.operation.clone())
        .collect();
    assert_eq!(operations, [Some("Update".to_owned())], "never server-side apply");

    held.release().await;
    let released = stored(server, &namespace).await;
    assert_eq!(released["holderIdentity"], Value::Null);
    assert_eq!(released["leaseDurationSeconds"], 1);
}

#[tokio::test]
async fn the_original_keeps_its_lease_while_it_renews_whatever_its_clock_says() {
    tokio::join!(
        keeps_while_it_renews("ahead", 3600),
        keeps_while_it_renews("behind", -3600)
    );
}

async fn keeps_while_it_renews(name: &str, skew: i64) {
    let server = ApiServer::shared().await;
    let namespace = server.namespace().await;
    let original = Original {
        api: leases(server, &namespace),
    };
    let skew = jiff::SignedDuration::from_secs(skew);
    original.write(Some("manager_1"), 2, skew).await;
    let candidate = Lease::new(Cluster::new(server.client()), namespace.as_str(), "us").with_timings(QUICK);
    let waiting = tokio::spawn(async move { acquire(&candidate).await });

    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        original.write(Some("manager_1"), 2, skew).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert!(!waiting.is_finished(), "{name}");
    // It dies without a word: its lease lasts 2 s from the last renewal that we saw, by our clock.
    let silent = Instant::now();
    let held = waiting.await.unwrap();
    assert!(
        silent.elapsed() > Duration::from_millis(1400),
        "{name}: {:?}",
        silent.elapsed()
    );
    let spec = stored(server, &namespace).await;
    assert_eq!(
        (&spec["holderIdentity"], &spec["leaseTransitions"]),
        (&json!("us"), &json!(1)),
        "{name}"
    );
    drop(held);
}

#[tokio::test]
async fn the_lease_is_handed_over_at_once_in_both_directions() {
    let server = ApiServer::shared().await;
    let namespace = server.namespace().await;
    let original = Original {
        api: leases(server, &namespace),
    };
    let none = jiff::SignedDuration::ZERO;
    // Fifteen seconds, as it really is: nobody may wait for them here.
    original.write(Some("manager_1"), 15, none).await;
    let timings = Timings {
        duration: Duration::from_secs(15),
        renew_deadline: Duration::from_secs(10),
        retry: Duration::from_millis(200),
    };
    let candidate = Lease::new(Cluster::new(server.client()), namespace.as_str(), "us").with_timings(timings);
    let waiting = tokio::spawn(async move { acquire(&candidate).await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!waiting.is_finished());

    let released = Instant::now();
    original.write(None, 1, none).await;
    let held = waiting.await.unwrap();
    assert!(released.elapsed() < Duration::from_secs(5), "{:?}", released.elapsed());
    let spec = stored(server, &namespace).await;
    assert_eq!(
        (&spec["holderIdentity"], &spec["leaseTransitions"]),
        (&json!("us"), &json!(2))
    );

    // And back: what we leave behind is free for everybody, and our own next candidate takes it at once as well.
    held.release().await;
    let spec = stored(server, &namespace).await;
    assert_eq!(
        (&spec["holderIdentity"], &spec["leaseDurationSeconds"]),
        (&Value::Null, &json!(1))
    );
    original.write(Some("manager_2"), 15, none).await;
    let spec = stored(server, &namespace).await;
    assert_eq!(
        (&spec["holderIdentity"], &spec["leaseTransitions"]),
        (&json!("manager_2"), &json!(3))
    );
}

#[tokio::test]
async fn of_two_candidates_one_holds_and_the_other_follows() {
    let server = ApiServer::shared().await;
    let namespace = server.namespace().await;
    let cluster = Cluster::new(server.client());
    let candidate = |name| Lease::new(cluster.clone(), namespace.as_str(), name).with_timings(QUICK);
    let first = acquire(&candidate("first")).await;
    let second = candidate("second");
    let waiting = tokio::spawn(async move { acquire(&second).await });
    tokio::time::sleep(QUICK.duration + QUICK.retry * 4).await;
    assert!(first.is_held() && !waiting.is_finished());
    first.release().await;
    let second = waiting.await.unwrap();
    assert!(second.is_held());
    assert_eq!(stored(server, &namespace).await["holderIdentity"], "second");
}

#[tokio::test]
async fn the_lease_is_lost_before_others_may_take_it_when_the_api_server_is_away() {
    let server = ApiServer::shared().await;
    for silent in [false, true] {
        let namespace = server.namespace().await;
        let proxy = TcpProxy::start(server.address()).await;
        let cluster = Cluster::new(server.client_via(proxy.address(), User::Admin));
        let held = acquire(&Lease::new(cluster.clone(), namespace.as_str(), "us").with_timings(QUICK)).await;
        if silent {
            proxy.silence();
        } else {
            proxy.cut();
        }
        let began = Instant::now();
        timeout(Duration::from_secs(30), held.lost().cancelled())
            .await
            .expect("lost within 30 s");
        assert!(!held.is_held());
        assert!(
            began.elapsed() < QUICK.duration,
            "silent {silent}: {:?}",
            began.elapsed()
        );
        // Nothing to give back, and no waiting for a server that does not answer.
        timeout(Duration::from_secs(1), held.release())
            .await
            .expect("released at once");
    }
}

#[tokio::test]
async fn a_short_interruption_loses_nothing() {
    let server = ApiServer::shared().await;
    let namespace = server.namespace().await;
    let proxy = TcpProxy::start(server.address()).await;
    let cluster = Cluster::new(server.client_via(proxy.address(), User::Admin));
    let timings = Timings {
        duration: Duration::from_secs(20),
        renew_deadline: Duration::from_secs(15),
        retry: Duration::from_millis(200),
    };
    let held = acquire(&Lease::new(cluster.clone(), namespace.as_str(), "us").with_timings(timings)).await;
    proxy.cut();
    tokio::time::sleep(Duration::from_millis(700)).await;
    proxy.restore();
    let before = stored(server, &namespace).await;
    eventually("it is renewed again", || async {
        stored(server, &namespace).await["renewTime"] != before["renewTime"]
    })
    .await;
    assert!(held.is_held());
}

#[tokio::test]
async fn a_lease_that_somebody_else_took_or_touched_is_noticed() {
    let server = ApiServer::shared().await;
    let namespace = server.namespace().await;
    let cluster = Cluster::new(server.client());
    let held = acquire(&Lease::new(cluster.clone(), namespace.as_str(), "us").with_timings(QUICK)).await;

    // Only touched, or removed: still ours.
    let api = leases(server, &namespace);
    let label = json!({"metadata": {"labels": {"touched": "yes"}}});
    let merge = kube::api::Patch::Merge(label);
    api.patch(LEASE_NAME, &kube::api::PatchParams::default(), &merge)
        .await
        .unwrap();
    let before = stored(server, &namespace).await;
    eventually("it is renewed", || async {
        stored(server, &namespace).await["renewTime"] != before["renewTime"]
    })
    .await;
    api.delete(LEASE_NAME, &kube::api::DeleteParams::default())
        .await
        .unwrap();
    eventually("it is there again", || async {
        api.get_opt(LEASE_NAME).await.unwrap().is_some()
    })
    .await;
    assert!(held.is_held());

    // Retried, because our own renewals may come in between.
    let original = Original { api: api.clone() };
    original.take(held.lost()).await;
    timeout(Duration::from_secs(5), held.lost().cancelled())
        .await
        .expect("lost at once");
    held.release().await;
    assert_eq!(stored(server, &namespace).await["holderIdentity"], "manager_9");
}

impl Original {
    /// Takes the lease away from a holder that is alive, which no honest candidate does.
    async fn take(&self, lost: tokio_util::sync::CancellationToken) {
        while !lost.is_cancelled() {
            let mut lease = self.api.get(LEASE_NAME).await.unwrap();
            lease.spec.get_or_insert_default().holder_identity = Some("manager_9".to_owned());
            if self
                .api
                .replace(LEASE_NAME, &PostParams::default(), &lease)
                .await
                .is_ok()
            {
                return;
            }
        }
    }
}
