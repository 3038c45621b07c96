// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"slices"
	"strconv"
	"strings"

	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// envGoMemLimit is read by the Go runtime.
const envGoMemLimit = "GOMEMLIMIT"

// adoptAny lets the Job take schemas over from any owner.
const adoptAny = "any"

// environment collects variables in the order in which they are shown. An empty value is left out: the
// server drops it, and the next comparison would see a difference for ever.
type environment []*corev1ac.EnvVarApplyConfiguration

func (e *environment) add(name, value string) {
	if value != "" {
		*e = append(*e, corev1ac.EnvVar().WithName(name).WithValue(value))
	}
}

func (e *environment) addField(name, path string) {
	*e = append(*e, corev1ac.EnvVar().WithName(name).WithValueFrom(
		corev1ac.EnvVarSource().WithFieldRef(fieldRef(path))))
}

// fieldRef names the version that is the default: the reference is one value in an apply.
func fieldRef(path string) *corev1ac.ObjectFieldSelectorApplyConfiguration {
	return corev1ac.ObjectFieldSelector().WithAPIVersion("v1").WithFieldPath(path)
}

// environmentOf a component or a Job; seat is nil for all but gateways.
func environmentOf(in Input, name component.Name, seat *int32) environment {
	var env environment
	env.add(component.EnvLogLevel, string(in.Cluster.Spec.LogLevel))
	env.addField(component.EnvPodName, "metadata.name")
	env.addField(component.EnvPodUID, "metadata.uid")
	env.addField(component.EnvNamespace, "metadata.namespace")
	if !slices.Contains(component.Jobs(), name) {
		env.add(component.EnvKeysDir, component.KeysDir)
	}
	if name == component.Reindex {
		env.add(component.EnvOpsListen, ":"+strconv.Itoa(component.OpsPort))
	}
	env.addMySQL(in, name)
	env.addRabbitMQ(in, name)
	env.addElasticsearch(in, name)
	env.addSMS(in, name)
	env.addFiles(in, name)
	env.addSpeech(in, name)
	for _, callee := range component.Upstreams(name) {
		if key := component.EnvUpstream(callee); key != "" && IsWanted(in.Cluster, callee) {
			env.add(key, "http://"+DeploymentName(in.Cluster.Name, callee)+":"+strconv.Itoa(component.RPCPort))
		}
	}
	if component.WatchesRing(name) {
		env.add(component.EnvRingService, RingServiceName(in.Cluster.Name))
	}
	if seat != nil {
		env.addGateway(in, *seat)
	}
	env.addOwner(in, name)
	return env
}

func (e *environment) addMySQL(in Input, name component.Name) {
	mysql := in.Cluster.Spec.Dependencies.MySQL
	if mysql == nil || !slices.Contains(component.Readers(component.MySQL), name) {
		return
	}
	e.addBindingRoot()
	e.add(component.EnvMySQLTLS, string(mysql.TLS))
	if slices.Contains(component.Jobs(), name) {
		return // Jobs are told the start of the schemas' names
	}
	e.add(component.EnvMySQLDatabase, mysql.DatabasePrefix+"_"+string(name))
	if mysql.MaxOpenConnsPerPod != nil {
		e.add(component.EnvMySQLMaxOpenConns, number(*mysql.MaxOpenConnsPerPod))
	}
}

func (e *environment) addRabbitMQ(in Input, name component.Name) {
	rabbitmq := in.Cluster.Spec.Dependencies.RabbitMQ
	if rabbitmq == nil || !slices.Contains(component.Readers(component.RabbitMQ), name) {
		return
	}
	e.addBindingRoot()
	e.add(component.EnvRabbitMQTLS, string(rabbitmq.TLS))
	e.add(component.EnvRabbitMQVHost, rabbitmq.VHost)
}

func (e *environment) addElasticsearch(in Input, name component.Name) {
	index := in.Cluster.Spec.Dependencies.Elasticsearch
	if index == nil || !slices.Contains(component.Readers(component.Elasticsearch), name) {
		return
	}
	e.addBindingRoot()
	e.add(component.EnvElasticsearchTLS, string(index.TLS))
	e.add(component.EnvElasticsearchIndexPrefix, index.IndexPrefix)
	if index.IndexReplicas != nil {
		e.add(component.EnvElasticsearchIndexReplicas, number(*index.IndexReplicas))
	}
}

// SendsCodes tells whether the spec names a provider of codes that the programs of this version know.
func SendsCodes(cluster *chatv1alpha1.ChatCluster) bool {
	sms := cluster.Spec.Dependencies.SMS
	return sms != nil && sms.Twilio == nil
}

func (e *environment) addSMS(in Input, name component.Name) {
	sms := in.Cluster.Spec.Dependencies.SMS
	if !SendsCodes(in.Cluster) || !slices.Contains(component.Readers(component.SMS), name) {
		return
	}
	e.addBindingRoot()
	e.add(component.EnvSMSProvider, sms.Provider)
	e.add(component.EnvSMSAllowedCountries, strings.Join(sms.AllowedCountries, ","))
	if sms.DailyBudget != nil {
		e.add(component.EnvSMSDailyBudget, number(*sms.DailyBudget))
	}
	if aliyun := sms.Aliyun; aliyun != nil {
		e.add(component.EnvSMSSignName, aliyun.SignName)
		e.add(component.EnvSMSTemplateCode, aliyun.TemplateCode)
		e.add(component.EnvSMSRegion, aliyun.Region)
	}
	if sms.SecretRef == nil && in.Cluster.Spec.Profile == chatv1alpha1.ProfileDevelopment {
		e.add(component.EnvDevelopment, "true") // codes go to the log
	}
}

func (e *environment) addBindingRoot() {
	for _, variable := range *e {
		if *variable.Name == component.EnvBindingRoot {
			return
		}
	}
	e.add(component.EnvBindingRoot, component.BindingRoot)
}

// addGateway holds no count of replicas: a changed count must not replace the pods that stay.
func (e *environment) addGateway(in Input, seat int32) {
	gateway, exposure := in.Cluster.Spec.Services.Gateway, in.Cluster.Spec.Exposure
	drain := gateway.Drain
	e.add(component.EnvGatewaySeat, number(seat))
	e.add(component.EnvGatewaySeatRoutes, strconv.FormatBool(exposure.SeatRoutes))
	e.add(component.EnvGatewayMaxSessions, number(*gateway.MaxSessionsPerPod))
	e.add(component.EnvGatewayAllowedOrigins, strings.Join(origins(exposure), ","))
	e.add(component.EnvGatewayTrustedProxies, strings.Join(exposure.TrustedProxies, ","))
	e.add(component.EnvGatewayDrainRate, number(*drain.SessionsPerSecond))
	e.add(component.EnvGatewayDrainTimeout, string(drain.Timeout))
	e.add(component.EnvGatewayDrainInitialDelay, string(drain.InitialDelay))
	e.add(component.EnvGatewayReconnectJitter, string(drain.ReconnectJitter))
	e.add(component.EnvGatewayReconnectDeadline, string(drain.ReconnectDeadline))
}

// origins that browsers may show: that of the public name always, and the named ones.
func origins(exposure *chatv1alpha1.Exposure) []string {
	var list []string
	if exposure.Host != "" {
		list = append(list, "https://"+exposure.Host)
	}
	for _, origin := range exposure.AllowedOrigins {
		if !slices.Contains(list, origin) {
			list = append(list, origin)
		}
	}
	return list
}

// addOwner tells who owns the schemas: the Job writes it down, the message service keeps it fresh.
func (e *environment) addOwner(in Input, name component.Name) {
	if name == component.Migrate || name == component.Message {
		e.add(component.EnvClusterUID, string(in.Cluster.UID))
	}
	switch {
	case name != component.Migrate:
	case in.Cluster.Spec.Profile == chatv1alpha1.ProfileDevelopment:
		e.add(component.EnvAdoptDatabase, adoptAny)
	default:
		e.add(component.EnvAdoptDatabase, in.Cluster.Annotations[AnnotationAdoptDatabase])
	}
}

// addOverrides puts the user's variables behind ours; a name that is ours stays ours.
func (e *environment) addOverrides(in Input, name component.Name) {
	ours := map[string]bool{}
	for _, variable := range *e {
		ours[*variable.Name] = true
	}
	for _, variable := range overrides(in, name).Env {
		if !ours[variable.Name] {
			*e = append(*e, &corev1ac.EnvVarApplyConfiguration{Name: &variable.Name, Value: optional(variable.Value)})
		}
	}
}

func number(n int32) string { return strconv.FormatInt(int64(n), 10) }
