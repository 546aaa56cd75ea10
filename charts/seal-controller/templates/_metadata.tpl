{{/* Labels and annotations. */}}

{{/* What a Service and the Deployment select pods by; it must never change for a release. */}}
{{- define "seal.selectorLabels" -}}
app.kubernetes.io/name: {{ include "seal.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Labels and, where there are any, annotations of an object: (dict "context" $ "labels" … "annotations" …). */}}
{{- define "seal.metadata" -}}
{{- $context := .context }}
{{- $labels := fromYaml (include "seal.selectorLabels" $context) }}
{{- $_ := set $labels "app.kubernetes.io/part-of" "seal" }}
{{- $_ := set $labels "app.kubernetes.io/version" $context.Chart.AppVersion }}
{{- $_ := set $labels "app.kubernetes.io/managed-by" $context.Release.Service }}
{{- $_ := set $labels "helm.sh/chart" (printf "%s-%s" $context.Chart.Name $context.Chart.Version | replace "+" "_") -}}
labels:
  {{- tpl (toYaml (merge $labels (default dict .labels) $context.Values.commonLabels)) $context | nindent 2 }}
{{- with merge (deepCopy (default dict .annotations)) $context.Values.commonAnnotations }}
annotations:
  {{- tpl (toYaml .) $context | nindent 2 }}
{{- end }}
{{- end }}
