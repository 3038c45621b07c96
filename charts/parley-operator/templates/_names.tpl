{{- define "operator.name" -}}
{{- if contains "parley-operator" .Release.Name -}}{{ .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else -}}{{ printf "%s-parley-operator" .Release.Name | trunc 52 | trimSuffix "-" }}{{- end -}}
{{- end -}}

{{- define "operator.selector" -}}
app.kubernetes.io/name: parley-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "operator.labels" -}}
{{ include "operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: parley
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "operator.namespaces" -}}
{{- join "," (.Values.watchNamespaces | default (list .Release.Namespace)) -}}
{{- end -}}

{{/* Labels of the test's pod: no selector of the operator picks it. */}}
{{- define "operator.testLabels" -}}
app.kubernetes.io/name: parley-operator-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "operator.testHook" -}}
helm.sh/hook: test
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}

{{- define "operator.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "operator.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* TokenReview is a right in the whole cluster. */}}
{{- define "operator.metricsAuth" -}}
{{- and (eq .Values.scope "Cluster") .Values.metrics.auth -}}
{{- end -}}

{{- define "operator.image" -}}
{{- if .Values.image.digest -}}{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{- end -}}
{{- end -}}

{{- define "operator.check" -}}
{{- if and (gt (int .Values.replicas) 1) (not .Values.leaderElection) -}}
{{- fail "replicas above 1 need leaderElection: true, else two operators work against each other" -}}
{{- end -}}
{{- range $label, $_ := .Values.podLabels -}}
{{- if hasPrefix "app.kubernetes.io/" $label -}}
{{- fail (printf "remove %s from podLabels: selectors rest on the labels of app.kubernetes.io" $label) -}}
{{- end -}}
{{- end -}}
{{- if and (eq .Values.scope "Namespaced") (not .Values.watchNamespaces) -}}
{{- fail "scope Namespaced needs watchNamespaces: name the namespaces with ChatClusters, or set scope to Cluster" -}}
{{- end -}}
{{- if and (eq .Values.scope "Cluster") .Values.watchNamespaces -}}
{{- fail "scope Cluster watches every namespace: remove watchNamespaces, or set scope to Namespaced" -}}
{{- end -}}
{{- end -}}
