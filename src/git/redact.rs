//! Takes credentials out of what git and servers print.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::credentials::GitCredentials;

/// `text` without the password, in any of the spellings that travel, and without `user@` in URLs.
pub(super) fn redact(text: &str, credentials: &GitCredentials) -> String {
    let GitCredentials::Password { username, password } = credentials else {
        return text.to_owned();
    };
    let password = password.expose();
    let basic = STANDARD.encode(format!("{username}:{password}"));
    let mut clean = text.to_owned();
    for secret in [basic.as_str(), &percent_encoded(password), password] {
        if !secret.is_empty() {
            clean = clean.replace(secret, "***");
        }
    }
    for user in [percent_encoded(username), username.clone()] {
        clean = clean.replace(&format!("//{user}@"), "//");
    }
    clean
}

fn percent_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn no_spelling_of_the_password_is_left() {
        let credentials = GitCredentials::Password {
            username: "bob@x".to_owned(),
            password: Secret::new("top/secret!"),
        };
        let basic = STANDARD.encode("bob@x:top/secret!");
        let text = format!("remote: top/secret! {basic} top%2Fsecret%21 'https://bob%40x@h/a'");
        assert_eq!(redact(&text, &credentials), "remote: *** *** *** 'https://h/a'");
        assert_eq!(redact("as it is", &GitCredentials::Anonymous), "as it is");
    }
}
