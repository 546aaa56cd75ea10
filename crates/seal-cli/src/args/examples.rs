//! What stands at the end of each help text.

pub(super) const SEAL: &str = "\
Examples:
  seal init                                         a key and a .sops.yaml, once per repository
  seal encrypt -i .release                          all Secrets of a rendered release
  kubectl apply -f <(seal decrypt release.yaml)     decrypt right into a deploy
  seal edit secret.yaml                             change values in an editor
  seal set secret.yaml stringData/password          change one value; asks for it
  seal check                                        in a hook or CI: is a secret in clear?

Exit codes:
  0  done, nothing to do included
  1  failed; the files concerned are as they were
  2  wrong use or configuration
  3  verification refused a file
  4  no key could be had
  5  findings of a check
exec-env and exec-file end with the code of the command that they ran.

Who used `sops`: `seal sops …` takes its commands and options as they are, and the binary does so
too where it is called `sops`.

Run `seal COMMAND --help` for the options and examples of a command.";

pub(super) const INIT: &str = "\
Examples:
  seal init
  seal init --age age1colleague…,age1ci…            more people who may decrypt
  seal init --no-identity --age age1…               for keys that are kept elsewhere";

pub(super) const ENCRYPT: &str = "\
Examples:
  seal encrypt -i charts/app/.release               a directory: every Secret below it
  seal encrypt -i a.yaml 'charts/**/secret*.yaml'   files and patterns
  seal encrypt secret.yaml > secret.enc.yaml        one file to stdout
  seal encrypt -o secret.enc.yaml secret.yaml       keeps the ciphertext of unchanged values
  helm template app . | seal encrypt > release.yaml
  seal encrypt --encrypted-regex '^password$' values.yaml

A file that is no manifest is encrypted as the rule says, and whole where the rule says nothing, but
only if it is named or a rule with a path_regex means it; in a directory it is left alone otherwise.
Standard input goes by the rules of the working directory that fit every file; --filename-override
gives it a name.

For the controller in a cluster (SealedSecrets, as kubeseal makes them):
  seal encrypt --cluster secret.yaml > sealed.yaml  with the certificate of the current cluster
  seal encrypt --cluster --cert cert.pem -i deploy  all Secrets below a directory, no cluster needed
  kubectl create secret generic db --from-literal=pw=x --dry-run=client -o yaml |
    seal encrypt --cluster --namespace shop --scope namespace-wide

Several paths, a directory or a pattern need --in-place. A run that fails for one file goes on
with the others and ends with an exit code other than 0; the failed file stays as it was.";

pub(super) const DECRYPT: &str = "\
Examples:
  kapp deploy -a app -f <(seal decrypt release.yaml)
  helm template app . | seal decrypt | kubectl apply -f -
  seal decrypt secret-a.yaml secret-b.yaml          several files: one stream, separated by `---`
  seal decrypt -i .release                          in place
  seal decrypt -o plain.yaml secret.yaml            a new file that only you can read
  seal decrypt --sealing-key keys.yaml sealed.yaml  SealedSecrets, with a backup of the keys

What is not encrypted passes through. Nothing is printed before all of it is verified; a refusal
ends with exit code 3, a missing key with 4.

Master keys are reached where sops reaches them:
  age    SOPS_AGE_KEY, SOPS_AGE_KEY_FILE, SOPS_AGE_KEY_CMD,
         sops/age/keys.txt in the user's configuration directory
  ssh    SOPS_AGE_SSH_PRIVATE_KEY_FILE, SOPS_AGE_SSH_PRIVATE_KEY_CMD, ~/.ssh
  gpg    its own keyring and agent
  clouds and Vault by their usual variables and logins

docs/keys says more, and which SEAL_ALLOW_… variables let a file name servers, roles or programs.";

pub(super) const GET: &str = "\
Examples:
  seal get secret.yaml '[\"stringData\"][\"password\"]'
  seal get secret.yaml stringData/password
  seal get --decode secret.yaml data/token          what stands there in Base64
  seal get release.yaml --document Secret/database stringData/password
  seal get --output-type json values.yaml db        several values, as JSON";

pub(super) const KEYSERVICE: &str = "\
Examples:
  seal keyservice --prompt
  seal decrypt --keyservice unix:///run/user/1000/seal/keyservice.sock secret.yaml
  ssh -R /run/user/1000/keys.sock:/run/user/1000/seal/keyservice.sock build
                                                    a machine that has no keys of its own";

pub(super) const CHECK: &str = "\
Examples:
  seal check                                        all files below the working directory
  seal check charts a.yaml                          directories and files
  helm template app . | seal check -                a render
  seal check --strict --ignore helm-hook .          warnings count too, but for one kind
  seal check --format sarif --output seal.sarif .   for code scanning

A line is FILE:LINE:COLUMN: SEVERITY: MESSAGE [RULE]. A comment `# seal:allow RULE -- why` on the
line or alone above it says that a finding is meant; without RULE it covers warnings.

Exit codes: 0 nothing found, or only warnings; 5 findings; 1 a file could not be read.
docs/check.md lists the rules.";

pub(super) const VERIFY: &str = "\
Examples:
  seal verify                                       all encrypted files below the working directory
  seal verify --require-bound .release
  seal verify --sealing-key keys.yaml               does this backup open every SealedSecret?
  seal verify --cluster                             does the controller open them?
  seal decrypt release.yaml | kubectl apply -f -    decrypt verifies as well; nothing needs both

Exit codes: 0 everything holds; 3 a file was altered; 4 no key for a file; 1 a file cannot be
read.";

pub(super) const STATUS: &str = "\
Examples:
  seal status secret.yaml
  seal status --json secret.yaml | jq .encrypted
  seal status charts                                every file below a directory";

pub(super) const UPDATEKEYS: &str = "\
Examples:
  seal updatekeys --dry-run .                       which files differ from .sops.yaml, for CI
  seal updatekeys .                                 shows what would change, and asks
  seal updatekeys -y secrets 'charts/**/values.yaml'

Only files that differ are written. A file that changed since it was encrypted is refused.";

pub(super) const KEYS: &str = "\
Examples:
  seal keys list                                    who can read what, below this directory
  seal keys list --by-file secrets
  seal keys add --age age1colleague… secrets        after naming it in .sops.yaml
  seal keys remove --age age1colleague… .           with a new data key for each file

.sops.yaml says who reads new files; `seal updatekeys` makes the files that are there agree with it.";

pub(super) const KEYS_LIST: &str = "\
Examples:
  seal keys list                                    who can read what, below this directory
  seal keys list --by-file secrets
  seal keys list --json | jq '.files[].file'";

pub(super) const KEYS_ADD: &str = "\
Examples:
  seal keys add --age age1colleague… secrets        after naming it in .sops.yaml
  seal keys add --dry-run --pgp 85D77543B3D624B63CEA9E6DBC17301B491B3F21 secrets/db.yaml";

pub(super) const KEYS_REMOVE: &str = "\
Examples:
  seal keys remove --dry-run --age age1colleague… . which files it concerns
  seal keys remove --age age1colleague… .           after taking it out of .sops.yaml

The data keys are new then. What somebody has read is still to be changed, at the place where it is
a password.";

pub(super) const GROUPS_ADD: &str = "\
Examples:
  seal groups add -i -f secret.yaml --age age1… --pgp 85D77543B3D624B63CEA9E6DBC17301B491B3F21
  seal groups add -f secret.yaml --age age1… > new.yaml";

pub(super) const GROUPS_DELETE: &str = "\
Examples:
  seal groups delete -i -f secret.yaml 2            the third group";

pub(super) const GROUPS: &str = "\
Examples:
  seal groups add -i -f secret.yaml --age age1… --pgp 85D77543B3D624B63CEA9E6DBC17301B491B3F21
  seal groups add -i -f secret.yaml --age age1… --shamir-secret-sharing-threshold 2
  seal groups delete -i -f secret.yaml 2            the third group";

pub(super) const EXEC_ENV: &str = "\
Examples:
  seal exec-env secret.yaml -- ./server --port 8080
  seal exec-env common.env prod.env -- make deploy   a variable of the later file wins
  seal exec-env secret.yaml 'echo $PASSWORD | nc db 1'
                                                    one text: sh -c, as with sops
  seal exec-env --flatten values.yaml -- env         db.password becomes db_password
  seal exec-env --pristine --prefix APP_ secret.yaml -- /usr/bin/env

Other processes of the same user can read the variables of a command; see docs/exec.md.";

pub(super) const EXEC_FILE: &str = "\
Examples:
  seal exec-file kubeconfig.yaml -- kubectl --kubeconfig {} get pods
  seal exec-file secret.yaml 'kubectl apply -f {}'   one text: sh -c, as with sops
  seal exec-file --no-fifo --filename key.pem key.enc -- nginx -g 'ssl_certificate_key {};'";

pub(super) const COMPLETION: &str = "\
Examples:
  seal completion bash > ~/.local/share/bash-completion/completions/seal
  seal completion zsh > ~/.zfunc/_seal              a directory of $fpath
  seal completion fish > ~/.config/fish/completions/seal.fish";

pub(super) const SET: &str = "\
Examples:
  seal set secret.yaml stringData/password          asks for the value
  seal set secret.yaml stringData/user --string admin
  seal set values.yaml '[\"replicas\"]' 3
  seal set values.yaml 'hosts/-' '\"db.example.com\"'  appends to a list
  seal set secret.yaml 'stringData/tls.key' --string --value-file tls.key
  pass show db | seal set secret.yaml stringData/password --string --value-stdin
  seal set secret.yaml data/token --encode s3cret   encodes in Base64
  seal set release.yaml --document Secret/database stringData/password --string --value-file pw
  seal set sealed.yaml stringData/password --cert cert.pem
                                                    of a SealedSecret; needs no private key";

pub(super) const UNSET: &str = "\
Examples:
  seal unset secret.yaml stringData/old-password
  seal unset values.yaml '[\"hosts\"][0]'
  seal unset release.yaml --document Secret/database data/token";

pub(super) const EDIT: &str = "\
Examples:
  seal edit secrets.yaml
  seal edit staging.yaml production.yaml            one after the other
  EDITOR='code --wait' seal edit secrets.yaml       an editor with a window has to wait
  seal edit --cert cert.pem sealed.yaml             SealedSecrets: what you write over is sealed

The words of SOPS_EDITOR and EDITOR are taken apart as a shell would; no shell is involved. vim is
told to write no swap, backup, undo or info file; configure other editors so. A text that cannot be
encrypted is shown again with the reason; saved a second time without a change, it is given up and
the file stays as it was.";

pub(super) const REPLACE: &str = "\
Examples:
  seal decrypt secrets.yaml | yq '.a = 1' | seal replace secrets.yaml
  seal replace secrets.yaml plain.yaml";

pub(super) const ROTATE: &str = "\
Examples:
  seal rotate -i secrets.yaml
  seal rotate -i deploy                             every encrypted file of a directory
  seal rotate -o new.yaml old.yaml
  seal rotate --cluster -i deploy                   SealedSecrets, by the controller's newest key
  seal rotate --cluster --sealing-key keys.yaml --cert cert.pem -i deploy
  seal rotate --cluster --sealing-key keys.yaml --dry-run .
                                                    what still needs an older key?

A recipient of the file that its rule does not name may have put himself there: that is an error
until it is accepted.";

pub(super) const BIND: &str = "\
Examples:
  seal bind --dry-run deploy                        which documents of a directory are not bound
  seal bind -i deploy
  seal bind -i --scope namespace secret.yaml        a tool may rename it";

pub(super) const PUBLISH: &str = "\
Examples:
  seal publish --dry-run --recursive secrets/        what would go where
  seal publish --yes secrets/app.yaml

A rule of .sops.yaml:
  destination_rules:
    - path_regex: ^secrets/
      s3_bucket: deploy-secrets                     or gcs_bucket, or vault_path
      recreation_rule: {age: age1…}                 optional: other keys there";

pub(super) const SOPS: &str = "\
Examples:
  seal sops decrypt secret.yaml
  ln -s \"$(command -v seal)\" ~/.local/bin/sops      for everything that calls `sops`";

pub(super) const KUBESEAL: &str = "\
Examples:
  seal kubeseal --fetch-cert > cluster.pem
  seal kubeseal --cert cluster.pem -o yaml < secret.yaml > sealed-secret.yaml
  ln -s \"$(command -v seal)\" ~/.local/bin/kubeseal  for everything that calls `kubeseal`";

pub(super) const CERT: &str = "\
Examples:
  seal cert > cert.pem
  seal cert --check --cert cert.pem                 may it still seal?
  seal cert --check --sealing-key keys.yaml         does the backup have the cluster's newest key?
  seal cert --context prod --controller-namespace sealed-secrets --controller-name sealed-secrets";
