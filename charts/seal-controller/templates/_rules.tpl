{{/* What the controller may do where SealedSecrets are looked after. Each verb is needed: a test takes each away. */}}

{{- define "seal.rules" -}}
# SealedSecrets are read, and never changed: what they ask for is written by people.
- apiGroups: [bitnami.com]
  resources: [sealedsecrets]
  verbs: [list, watch]
{{- if .Values.updateStatus }}
# Their status says what became of them.
- apiGroups: [bitnami.com]
  resources: [sealedsecrets/status]
  verbs: [patch]
{{- end }}
# The Secrets that are made of them. get: what stands in one of the same name, and whose it is, is looked at before it is
# written{{ if not .Values.skipRecreate }}. list, watch: one that is deleted or edited is made again; only metadata are asked for{{ end }}. create, patch: they are
# made and put right; `update`, with which other programs' fields would be overwritten, is not needed.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get{{ if not .Values.skipRecreate }}, list, watch{{ end }}, create, patch{{ if .Values.oldGcBehavior }}, delete{{ end }}]
# What happened to a SealedSecret is said in events, each of which is a new one.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}
