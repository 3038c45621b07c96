{{- define "parley.name" -}}{{ .Values.name | default .Release.Name }}{{- end -}}

{{- define "parley.image" -}}
{{- $image := .Values.spec.image | default dict -}}
{{- $repository := .Values.probe.image.repository | default $image.repository | default "parley-chat/parley" -}}
{{- if and $image.digest (not .Values.probe.image.repository) -}}{{ $repository }}@{{ $image.digest }}
{{- else -}}{{ $repository }}:{{ .Values.probe.image.tag | default (.Values.spec.version | replace "+" "_") }}{{- end -}}
{{- end -}}

{{- define "parley.probeLabels" -}}
app.kubernetes.io/name: parley-probe
app.kubernetes.io/instance: {{ include "parley.name" . }}
{{- end -}}

{{/* The pod asks the gateway for its web client until it answers, from inside. It passes Pod Security restricted. */}}
{{- define "parley.probe" -}}
restartPolicy: Never
automountServiceAccountToken: false
enableServiceLinks: false
{{- with (.Values.spec.image | default dict).pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
containers:
  - name: probe
    image: {{ include "parley.image" . }}
    imagePullPolicy: {{ .Values.probe.image.pullPolicy }}
    args: [probe, --wait, {{ .Values.probe.wait | quote }}, "http://{{ include "parley.name" . }}-gateway:8080/"]
    resources:
      requests: {cpu: 10m, memory: 32Mi}
      limits: {memory: 64Mi}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
{{- end -}}

{{- define "parley.probeHooks" -}}
helm.sh/hook: test{{ if .Values.wait }},post-install,post-upgrade{{ end }}
{{- end -}}
