// Nothing here is compiled: the module is only downloaded. `go mod tidy` would drop it, so to move the version:
// edit the line below, empty go.sum, and run `go mod download github.com/argoproj/argo-cd/v3` in this folder.
module argocd-crds

go 1.26.0

require github.com/argoproj/argo-cd/v3 v3.5.1
