//! The program: parse, dispatch, exit code.

fn main() {
    if argocd_image_updater::git::askpass::answer_if_asked() {
        return;
    }
}
