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
{{- $list := .Values.watchNamespaces | default (list .Release.Namespace) -}}
{{- join "," $list -}}
{{- end -}}

{{- define "operator.image" -}}
{{- if .Values.image.digest -}}{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{- end -}}
{{- end -}}

{{- define "operator.check" -}}
{{- if and (gt (int .Values.replicas) 1) (not .Values.leaderElection) -}}
{{- fail "replicas above 1 need leaderElection: true, else two operators work against each other" -}}
{{- end -}}
{{- if and (eq .Values.scope "Cluster") .Values.watchNamespaces -}}
{{- fail "scope Cluster watches every namespace: remove watchNamespaces, or set scope to Namespaced" -}}
{{- end -}}
{{- end -}}
