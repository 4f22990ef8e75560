//! Takes credentials out of what git and servers print.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::credentials::{GitCredentials, Login};

/// From this length on, in bytes, a user may be a token.
const TOKEN_LENGTH: usize = 16;

/// `text` without any secret of the credentials, in any of the spellings that travel, and without `user@` in URLs.
pub(super) fn redact(text: &str, credentials: &GitCredentials) -> String {
    let mut clean = text.to_owned();
    if let Login::Password { username, password, .. } = &credentials.login {
        let (username, password) = (username.expose(), password.expose());
        clean = without(&clean, &STANDARD.encode(format!("{username}:{password}")));
        for user in [percent_encoded(username), username.to_owned()] {
            clean = clean.replace(&format!("//{user}@"), "//");
        }
        // Some forges take a token as user. Shorter ones are names, which may be part of any word.
        if username.len() >= TOKEN_LENGTH {
            clean = without(&clean, username);
        }
    }
    for secret in credentials.secrets() {
        clean = without(&without(&clean, &percent_encoded(secret)), secret);
    }
    clean
}

/// `text` without `secret`.
pub(super) fn without(text: &str, secret: &str) -> String {
    if secret.is_empty() {
        text.to_owned()
    } else {
        text.replace(secret, "***")
    }
}

fn percent_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::credentials::Proxy;

    #[test]
    fn no_spelling_of_the_password_is_left() {
        let credentials = GitCredentials::password("bob@x", "top/secret!");
        let basic = STANDARD.encode("bob@x:top/secret!");
        let text = format!("remote: top/secret! {basic} top%2Fsecret%21 'https://bob%40x@h/a'");
        assert_eq!(redact(&text, &credentials), "remote: *** *** *** 'https://h/a'");
        assert_eq!(redact("as it is", &GitCredentials::anonymous()), "as it is");
    }

    #[test]
    fn a_user_that_may_be_a_token_is_not_left() {
        let text = "fatal: glpat-0123456789abcdef of bob";
        let token = GitCredentials::password("glpat-0123456789abcdef", "x");
        assert_eq!(redact(text, &token), "fatal: *** of bob");
        assert_eq!(redact(text, &GitCredentials::password("bob", "pw")), text);
    }

    #[test]
    fn neither_a_token_nor_the_password_of_a_proxy_is_left() {
        let mut credentials = GitCredentials::from(Login::Bearer("t0ken".into()));
        credentials.connection.proxy = Proxy::parse("http://bob:hunter2@proxy:1", "").ok();
        assert_eq!(
            redact("t0ken http://bob:hunter2@proxy:1 hunter2", &credentials),
            "*** *** ***"
        );
    }
}
