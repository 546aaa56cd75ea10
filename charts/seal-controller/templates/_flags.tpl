{{/* The values that are flags of the program. What is empty is left to the program's own default. */}}

{{- define "seal.flags" -}}
{{- $values := .Values }}
{{- $flags := list (printf "--key-prefix=%s" $values.secretName) }}
{{- range $flag, $value := dict
    "key-renew-period" "keyrenewperiod" "key-ttl" "keyttl" "key-cutoff-time" "keycutofftime" "key-size" "keySize"
    "key-order-priority" "keyOrderPriority" "my-cn" "myCN" "label-selector" "labelSelector" "rate-limit" "rateLimit"
    "rate-limit-burst" "rateLimitBurst" "kubeclient-qps" "kubeClientQPS" "kubeclient-burst" "kubeClientBurst"
    "log-level" "logLevel" "log-format" "logFormat" }}
{{- $text := get $values $value | toString }}
{{- if ne $text "" }}{{ $flags = append $flags (printf "--%s=%s" $flag $text) }}{{ end }}
{{- end }}
{{- range $flag, $labels := dict "privatekey-labels" $values.privateKeyLabels "privatekey-annotations" $values.privateKeyAnnotations }}
{{- $pairs := list }}
{{- range $name, $value := $labels }}{{ $pairs = append $pairs (printf "%s=%s" $name $value) }}{{ end }}
{{- if $pairs }}{{ $flags = append $flags (printf "--%s=%s" $flag (join "," $pairs)) }}{{ end }}
{{- end }}
{{- range $flag, $off := dict "update-status" $values.updateStatus "heal-drift" $values.healDrift
    "accept-deprecated-v1-data" $values.acceptDeprecatedV1Data "log-info-stdout" $values.logInfoStdout }}
{{- if not $off }}{{ $flags = append $flags (printf "--%s=false" $flag) }}{{ end }}
{{- end }}
{{- range $flag, $on := dict "skip-recreate" $values.skipRecreate "old-gc-behavior" $values.oldGcBehavior
    "metrics-omit-secret-labels" $values.metrics.omitSecretLabels }}
{{- if $on }}{{ $flags = append $flags (printf "--%s" $flag) }}{{ end }}
{{- end }}
{{- if $values.additionalNamespaces }}
{{- $flags = append $flags (printf "--additional-namespaces=%s" (join "," $values.additionalNamespaces)) }}
{{- else if not $values.allNamespaces }}
{{- $flags = append $flags "--all-namespaces=false" }}
{{- end }}
{{- range $flag, $port := dict "listen-addr" $values.containerPorts.http "listen-metrics-addr" $values.containerPorts.metrics }}
{{- $flags = append $flags (printf "--%s=:%d" $flag (int $port)) }}
{{- end }}
{{- toYaml (concat (sortAlpha $flags) $values.extraArgs) }}
{{- end }}
