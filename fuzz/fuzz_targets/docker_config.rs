//! Pull secrets: the first line is the URL of a registry, the rest the configuration file of a container tool.
#![no_main]

use argocd_image_updater::registry::credentials::from_docker_config;
use argocd_image_updater_fuzz::assert_presentable;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else { return };
    let Some((url, json)) = text.split_once('\n') else {
        return;
    };
    match from_docker_config(json, url) {
        Ok(credentials) => assert_eq!(format!("{credentials:?}"), "Credentials(***)"),
        Err(error) => {
            let message = error.to_string();
            assert_presentable(&message);
            for secret in secrets(json) {
                assert!(!message.contains(&secret) || url.contains(&secret), "{message}");
            }
        }
    }
});

/// What nobody may read in a message: long enough not to be part of its words.
fn secrets(json: &str) -> Vec<String> {
    let config: Value = serde_json::from_str(json).unwrap_or_default();
    let entries = config["auths"].as_object().into_iter().flat_map(|auths| auths.values());
    let keys = ["auth", "password", "identitytoken"];
    let texts = entries.flat_map(|entry| keys.map(|key| entry[key].as_str().unwrap_or("").to_owned()));
    texts.filter(|text| text.len() >= 24).collect()
}
