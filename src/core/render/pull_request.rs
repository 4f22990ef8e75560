//! Title and text of a pull request, from the commit message.

/// The most characters of a title.
const MAX_TITLE: usize = 255;

/// The most characters of a text.
const MAX_BODY: usize = 65_536;

/// What a pull request says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequestText {
    /// One line, never blank.
    pub title: String,
    /// The rest; may be empty.
    pub body: String,
}

impl PullRequestText {
    /// The first line of the message, and what follows it. Without a message both name the application.
    pub fn from_message(message: &str, app_namespace: &str, app_name: &str) -> Self {
        let (first, rest) = message.split_once('\n').unwrap_or((message, ""));
        let title = match first.trim() {
            "" => format!("chore: update images for {app_namespace}/{app_name}"),
            title => title.to_owned(),
        };
        let body = if message.is_empty() {
            format!("Updates the images of the application {app_namespace}/{app_name}.")
        } else {
            rest.trim().to_owned()
        };
        Self {
            title: cut(&title, MAX_TITLE),
            body: cut(&body, MAX_BODY),
        }
    }
}

fn cut(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_title_and_the_rest_the_text() {
        let chore = "chore: update images for argocd/shop";
        for (message, title, body) in [
            ("update shop", "update shop", ""),
            ("  update  \n\n x \n", "update", "x"),
            ("a\r\nb\r\nc", "a", "b\r\nc"),
            ("a\nb\nc", "a", "b\nc"),
            ("\nb", chore, "b"),
            (" ", chore, ""),
            ("", chore, "Updates the images of the application argocd/shop."),
        ] {
            let text = PullRequestText::from_message(message, "argocd", "shop");
            assert_eq!((text.title.as_str(), text.body.as_str()), (title, body), "{message:?}");
        }
    }

    #[test]
    fn both_are_cut_by_characters() {
        let message = format!("{}\n{}", "é".repeat(300), "ü".repeat(70_000));
        let text = PullRequestText::from_message(&message, "argocd", "shop");
        assert_eq!(text.title, "é".repeat(255));
        assert_eq!(text.body, "ü".repeat(65_536));
    }
}
