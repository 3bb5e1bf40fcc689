{{- define "murelay.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "murelay.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Of one component: (list . "relay"). */}}
{{- define "murelay.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "murelay.secretName" -}}
{{- .Values.secrets.existingSecret | default (include "murelay.fullname" .) -}}
{{- end -}}

{{- define "murelay.configMapName" -}}
{{- .Values.agents.existingConfigMap | default (printf "%s-agents" (include "murelay.fullname" .)) -}}
{{- end -}}

{{/* Nodes that there may be: the router has a server for each. */}}
{{- define "murelay.maxNodes" -}}
{{- if eq .Values.autoscaling.kind "none" -}}{{ .Values.replicas }}{{- else -}}{{ .Values.autoscaling.maxReplicas }}{{- end -}}
{{- end -}}

{{- define "murelay.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- end -}}

{{- define "murelay.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end -}}
