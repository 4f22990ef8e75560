//! Under construction.

use serde_json::Value;

pub fn run(_input: &Value) -> Result<Value, String> {
    Err("not there yet".to_owned())
}
