//! What `plan` shows of files in git: the diff of each kind of file, from a real git server.

use crate::world::World;

/// Three applications, each with another kind of file.
const SHOPS: &str = "
registry:
  web: ['1.0', '1.1']
git:
  deploy:
    kustomize/kustomization.yaml: \"resources: [web.yaml]\\nimages:\\n- name: REG/web # ours\\n  newTag: '1.0'\\n\"
    helm/values.yaml: \"# The shop.\\nimage:\\n  tag: '1.0' # runs\\nreplicas:   3\\n\"
    plain/.argocd-source-plain.yaml: \"kustomize:\\n  images: # ours\\n  - REG/web:1.0\\n\"
---
kind: Application
metadata: { name: kustomize }
spec: { project: default, destination: {}, source: { repoURL: GIT/deploy, path: kustomize, targetRevision: main } }
status: { sourceType: Kustomize, summary: { images: ['REG/web:1.0'] } }
---
kind: Application
metadata: { name: helm }
spec: { project: default, destination: {}, source: { repoURL: GIT/deploy, path: helm, targetRevision: main } }
status: { sourceType: Helm, summary: { images: ['REG/web:1.0'] } }
---
kind: Application
metadata: { name: plain }
spec: { project: default, destination: {}, source: { repoURL: GIT/deploy, path: plain, targetRevision: main } }
status: { sourceType: Kustomize, summary: { images: ['REG/web:1.0'] } }
---
kind: Secret
metadata: { name: deploy, labels: { argocd.argoproj.io/secret-type: repository } }
stringData: { type: git, url: GIT/deploy, username: bot, password: gitpassword-6f1d }
---
kind: ImageUpdater
metadata: { name: all }
spec:
  writeBackConfig: { method: git }
  applicationRefs:
    - namePattern: kustomize
      writeBackConfig: { method: git, gitConfig: { writeBackTarget: kustomization } }
      images: [{ alias: web, imageName: REG/web }]
    - namePattern: helm
      writeBackConfig: { method: git, gitConfig: { writeBackTarget: 'helmvalues:values.yaml' } }
      images: [{ alias: web, imageName: REG/web, manifestTargets: { helm: { tag: image.tag } } }]
    - namePattern: plain
      images: [{ alias: web, imageName: REG/web }]
";

#[tokio::test]
async fn the_diff_of_every_kind_of_file_is_shown_as_the_cycle_then_commits_it() {
    let world = World::given(SHOPS).await;

    let plan = world.plan(&[]).await;

    assert_eq!(plan.code, Some(2), "{}{}", plan.stdout, plan.stderr);
    for diff in [
        "
    --- a/kustomize/kustomization.yaml
    +++ b/kustomize/kustomization.yaml
    @@ -1,4 +1,4 @@
     resources: [web.yaml]
     images:
     - name: REG/web # ours
    -  newTag: '1.0'
    +  newTag: '1.1'
",
        "
    --- a/helm/values.yaml
    +++ b/helm/values.yaml
    @@ -1,4 +1,4 @@
     # The shop.
     image:
    -  tag: '1.0' # runs
    +  tag: '1.1' # runs
     replicas:   3
",
        "
    --- a/plain/.argocd-source-plain.yaml
    +++ b/plain/.argocd-source-plain.yaml
    @@ -1,3 +1,3 @@
     kustomize:
       images: # ours
    -  - REG/web:1.0
    +  - REG/web:1.1
",
    ] {
        assert!(plan.stdout.contains(&world.fill_in(diff)), "{diff}\n{}", plan.stdout);
    }
    assert_eq!(world.git.pushes(), 0);

    world.cycle().await;

    let files = [
        ("kustomize/kustomization.yaml", "newTag: '1.1'"),
        ("helm/values.yaml", "tag: '1.1' # runs"),
        ("plain/.argocd-source-plain.yaml", "web:1.1"),
    ];
    for (path, text) in files {
        let file = world.git.file("deploy", "main", path).unwrap_or_default();
        assert!(file.contains(text), "{path}: {file}");
    }
    let again = world.plan(&[]).await;
    assert_eq!(again.code, Some(0), "{}", again.stdout);
}
