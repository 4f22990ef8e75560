use super::*;

fn headers(retry_after: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(text) = retry_after {
        headers.insert("retry-after", text.parse().unwrap());
    }
    headers
}

fn gate(limit: Option<u32>, in_flight: usize) -> Gate {
    Gate::new(limit.and_then(NonZeroU32::new), Arc::new(Site::new(in_flight, || 0)))
}

async fn enter(gate: &Gate, kind: Kind) -> Result<Entered<'_>, MustWait> {
    gate.enter(kind, || gate.site.check()).await
}

/// Asks once; the registry answers so.
async fn ask(gate: &Gate, kind: Kind, status: u16, retry_after: Option<&str>) -> Result<(), u64> {
    let entered = enter(gate, kind).await.map_err(|told| told.wait.as_secs())?;
    let told = entered.answered(StatusCode::from_u16(status).unwrap(), &headers(retry_after));
    told.map_err(|told| told.wait.as_secs())
}

#[tokio::test(start_paused = true)]
async fn a_429_closes_the_gate_for_everybody_until_then() {
    let site = Arc::new(Site::new(10, || 0));
    // Two entries of registries.conf for one server.
    let gates = [None, NonZeroU32::new(5)].map(|limit| Gate::new(limit, Arc::clone(&site)));
    assert_eq!(ask(&gates[0], Kind::Tags, 429, Some("30")).await, Err(30));
    for gate in &gates {
        for kind in [
            Kind::Ping,
            Kind::Token,
            Kind::Tags,
            Kind::Manifest,
            Kind::Blob,
            Kind::Referrers,
        ] {
            assert!(enter(gate, kind).await.is_err(), "{kind:?}");
        }
    }
    tokio::time::advance(Duration::from_secs(29)).await;
    assert!(enter(&gates[1], Kind::Tags).await.is_err());
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(enter(&gates[1], Kind::Tags).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn only_a_registry_that_asks_for_it_is_left_alone_and_six_hours_at_most() {
    const LONGEST: u64 = 6 * 3600;
    for (status, retry_after, wait) in [
        (200, None, None),
        (200, Some("30"), None),
        (500, Some("30"), None),
        (429, None, Some(60)),
        (429, Some("soon"), Some(60)),
        (429, Some("0"), Some(1)),
        (429, Some("99999999"), Some(LONGEST)),
        (429, Some("99999999999999999999999999"), Some(LONGEST)),
        (429, Some("-1"), Some(60)),
        (429, Some("Fri, 31 Dec 9999 23:59:59 GMT"), Some(LONGEST)),
        (429, Some("Sun, 06 Nov 1994 08:49:37 GMT"), Some(1)),
        (503, None, None),
        (503, Some("soon"), None),
        (503, Some("-1"), None),
        (503, Some("5"), Some(5)),
    ] {
        let told = ask(&gate(None, 1), Kind::Tags, status, retry_after).await;
        assert_eq!(told.err(), wait, "{status} {retry_after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_server_elsewhere_is_left_alone_ten_minutes_at_most() {
    for (asked, wait) in [("30", 30), ("600", 600), ("601", 600), ("99999999999999999999", 600)] {
        let door = Door::of_tokens();
        let passed = door.pass(Kind::Token);
        let told = door.answered(passed, StatusCode::TOO_MANY_REQUESTS, &headers(Some(asked)));
        assert_eq!(told.unwrap_err().wait.as_secs(), wait, "{asked}");
        assert!(door.check().is_err());
        tokio::time::advance(Duration::from_secs(wait)).await;
        assert!(door.check().is_ok(), "{asked}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_does_not_say_how_long_is_left_alone_twice_as_long_each_time() {
    let gate = gate(None, 10);
    for wait in [60, 120, 240, 480, 960, 1920, 3600, 3600] {
        assert_eq!(ask(&gate, Kind::Manifest, 429, None).await, Err(wait));
        tokio::time::advance(Duration::from_secs(wait)).await;
        // Lists were never refused: that they work says nothing about manifests.
        assert_eq!(ask(&gate, Kind::Tags, 200, None).await, Ok(()));
    }
    assert_eq!(ask(&gate, Kind::Manifest, 200, None).await, Ok(()));
    assert_eq!(ask(&gate, Kind::Manifest, 429, None).await, Err(60));
}

#[tokio::test(start_paused = true)]
async fn many_requests_that_are_refused_at_once_count_as_one() {
    let gate = gate(None, 10);
    let mut in_flight = Vec::new();
    for _ in 0..10 {
        in_flight.push(enter(&gate, Kind::Manifest).await.unwrap());
    }
    for entered in &in_flight {
        let told = entered.answered(StatusCode::TOO_MANY_REQUESTS, &headers(None));
        assert_eq!(told.unwrap_err().wait, Duration::from_mins(1));
    }
    // One that was sent before tells nothing about what is allowed after.
    assert!(in_flight[0].answered(StatusCode::OK, &headers(None)).is_ok());
    drop(in_flight);
    tokio::time::advance(Duration::from_mins(1)).await;
    assert_eq!(ask(&gate, Kind::Manifest, 429, None).await, Err(120));
}

#[tokio::test(start_paused = true)]
async fn a_shorter_wait_does_not_open_what_is_closed_for_longer() {
    let gate = gate(None, 10);
    let entered = [
        enter(&gate, Kind::Tags).await.unwrap(),
        enter(&gate, Kind::Tags).await.unwrap(),
    ];
    for (entered, asked) in entered.iter().zip(["100", "5"]) {
        let told = entered.answered(StatusCode::TOO_MANY_REQUESTS, &headers(Some(asked)));
        assert_eq!(told.unwrap_err().wait.as_secs(), 100);
    }
}

#[tokio::test(start_paused = true)]
async fn the_rate_is_kept_for_all_but_probes_and_tokens() {
    for kind in [Kind::Tags, Kind::Referrers, Kind::Manifest, Kind::Blob] {
        let gate = gate(Some(20), 100);
        let start = Instant::now();
        for _ in 0..14 {
            drop(enter(&gate, kind).await.unwrap());
        }
        // Ten are free, four come 50 ms apart.
        let took = start.elapsed();
        assert!((200..=210).contains(&took.as_millis()), "{kind:?} {took:?}");
        for _ in 0..100 {
            drop(enter(&gate, Kind::Ping).await.unwrap());
            drop(enter(&gate, Kind::Token).await.unwrap());
        }
        assert_eq!(start.elapsed(), took);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_a_turn_goes_away_at_once_when_the_gate_closes() {
    let gate = gate(Some(1), 100);
    drop(enter(&gate, Kind::Tags).await.unwrap());
    let start = Instant::now();
    let waiting = futures::future::join_all((0..1000).map(|_| enter(&gate, Kind::Tags)));
    let close = async { ask(&gate, Kind::Ping, 429, Some("3600")).await };
    let (waited, _) = futures::join!(waiting, close);
    assert!(waited.iter().all(Result::is_err));
    assert!(start.elapsed() <= Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn entries_with_one_server_share_its_slots() {
    let sites = Sites::default();
    let origin = |url: &str| url::Url::parse(url).unwrap().origin();
    let one = sites.of(origin("https://r.test/a"), 1);
    assert!(Arc::ptr_eq(&one, &sites.of(origin("https://R.TEST:443"), 1)));
    assert!(!Arc::ptr_eq(&one, &sites.of(origin("http://r.test"), 1)));
    let gates = [Gate::new(None, Arc::clone(&one)), Gate::new(None, one)];
    let held = enter(&gates[0], Kind::Tags).await.unwrap();
    let second = enter(&gates[1], Kind::Tags);
    tokio::pin!(second);
    assert!(futures::poll!(&mut second).is_pending());
    drop(held);
    assert!(second.await.is_ok());
}
