{{/* The names that several templates need. */}}

{{- define "seal.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The release and the chart, once if the one holds the other. */}}
{{- define "seal.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "seal.namespace" -}}
{{- default .Release.Namespace .Values.namespace }}
{{- end }}

{{- define "seal.serviceName" -}}
{{- default (include "seal.fullname" .) .Values.service.name }}
{{- end }}

{{- define "seal.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "seal.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* Cluster roles have no namespace, but releases of the same name may stand in several: theirs is part of the name. */}}
{{- define "seal.clusterRoleName" -}}
{{- default (printf "%s:%s" (include "seal.namespace" .) (include "seal.fullname" .)) .Values.rbac.clusterRoleName }}
{{- end }}

{{- define "seal.namespacedRolesName" -}}
{{- default (printf "%s:%s" (include "seal.namespace" .) (include "seal.fullname" .)) .Values.rbac.namespacedRolesName }}
{{- end }}

{{/* The Lease by which replicas agree who writes. The program makes the same name of its flag --key-prefix. */}}
{{- define "seal.leaseName" -}}
{{- $prefix := .Values.secretName | trimAll "-." }}
{{- if or (not $prefix) (eq .Values.secretName "sealed-secrets-key") }}seal-controller{{ else }}seal-controller-{{ $prefix }}{{ end }}
{{- end }}

{{- define "seal.image" -}}
{{- $image := .Values.image }}
{{- if or (hasSuffix "sealed-secrets-controller" $image.repository) (regexMatch "^v?0\\.([12][0-9]|3[0-9])\\." (toString $image.tag)) (eq (toJson .Values.command) "[\"controller\"]") }}
{{- fail "`image` or `command` is that of sealed-secrets: leave both out of the values, or name a copy of ghcr.io/seal-dev/seal-controller" }}
{{- end }}
{{- with $image.registry }}{{ . }}/{{ end }}{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ default .Chart.AppVersion $image.tag }}{{ end }}
{{- end }}

{{/* Namespaces that are looked after if that is not all of them: a list in JSON, the own one first. */}}
{{- define "seal.namespaces" -}}
{{- concat (list (include "seal.namespace" .)) .Values.additionalNamespaces | uniq | toJson }}
{{- end }}

{{/* "true" if the controller looks after some namespaces only. */}}
{{- define "seal.namespaced" -}}
{{- if or .Values.additionalNamespaces (not .Values.allNamespaces) }}true{{ end }}
{{- end }}

{{/* "true" if there is a ClusterRole for SealedSecrets and Secrets. */}}
{{- define "seal.hasClusterRole" -}}
{{- $said := .Values.rbac.clusterRole }}
{{- if ternary (not (include "seal.namespaced" .)) $said (kindIs "invalid" $said) }}true{{ end }}
{{- end }}

{{/* "true" if there are Roles for them. */}}
{{- define "seal.hasNamespacedRoles" -}}
{{- $said := .Values.rbac.namespacedRoles }}
{{- if ternary (include "seal.namespaced" .) (ternary "true" "" (eq $said true)) (kindIs "invalid" $said) }}true{{ end }}
{{- end }}
