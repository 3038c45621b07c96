// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/parley-chat/parley/api/component"
	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// conditionsOf are all conditions: every one exists after the first pass.
func conditionsOf(p *pass, s *chatv1alpha1.ChatClusterStatus, outcome error) []metav1.Condition {
	dependencies := dependenciesCondition(p, s)
	schema := schemaCondition(p, outcome)
	available := availableCondition(p, s)
	ready := metav1.Condition{Type: chatv1alpha1.ConditionReady, Status: metav1.ConditionFalse}
	reconciling := idle(chatv1alpha1.ConditionReconciling)
	stall := idle(chatv1alpha1.ConditionStalled)

	stop, isStalled := errors.AsType[*stalledError](outcome)
	later, isWaiting := errors.AsType[*waitingError](outcome)
	work := workReason(p, s)
	switch {
	case isStalled:
		stall = condition(chatv1alpha1.ConditionStalled, metav1.ConditionTrue, stop.reason, stop.message)
		ready.Reason, ready.Message = stop.reason, stop.message
	case isWaiting:
		ready.Reason, ready.Message = later.reason, later.message
		busy := chatv1alpha1.ReasonWaiting
		if later.reason == chatv1alpha1.ReasonMigrationPending {
			busy = cmp.Or(work, chatv1alpha1.ReasonInstalling)
		}
		reconciling = condition(chatv1alpha1.ConditionReconciling, metav1.ConditionTrue, busy, later.message)
	case outcome != nil: // it is tried again; the log has the cause
		ready.Reason, ready.Message = cmp.Or(work, chatv1alpha1.ReasonServicesNotReady), "a step failed and is tried again"
		reconciling = condition(chatv1alpha1.ConditionReconciling, metav1.ConditionTrue, chatv1alpha1.ReasonWaiting, ready.Message)
	case work != "":
		ready.Reason, ready.Message = work, notReady(s)
		reconciling = condition(chatv1alpha1.ConditionReconciling, metav1.ConditionTrue, work, ready.Message)
	case dependencies.Status == metav1.ConditionFalse:
		ready.Reason, ready.Message = chatv1alpha1.ReasonDependencyNotReady, dependencies.Message
	case !allReady(s):
		ready.Reason, ready.Message = chatv1alpha1.ReasonServicesNotReady, notReady(s)
	default:
		ready = condition(chatv1alpha1.ConditionReady, metav1.ConditionTrue, chatv1alpha1.ReasonReconciled, "as the spec asks")
		if note := ignoredNote(p.cluster); note != "" {
			ready.Message = "as the spec asks, without " + note
		}
	}
	return []metav1.Condition{ready, reconciling, stall, available, dependencies, schema, drainingCondition(p), searchCondition(p, s.Search)}
}

func condition(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message}
}

func idle(kind string) metav1.Condition {
	return condition(kind, metav1.ConditionFalse, chatv1alpha1.ReasonIdle, "")
}

// workReason says what kind of work goes on, if any.
func workReason(p *pass, s *chatv1alpha1.ChatClusterStatus) string {
	switch {
	case p.cluster.Status.Version == "" && (s.Version == "" || p.changing || !allReady(s)):
		return chatv1alpha1.ReasonInstalling
	case s.Upgrade != nil && s.Upgrade.Failed == nil:
		return chatv1alpha1.ReasonUpgrading
	case p.scaling:
		return chatv1alpha1.ReasonScaling
	case p.changing:
		return chatv1alpha1.ReasonRollingOut
	default:
		return ""
	}
}

func allReady(s *chatv1alpha1.ChatClusterStatus) bool {
	for _, service := range s.Services {
		if service.Ready < service.Desired {
			return false
		}
	}
	return true
}

// notReady names the first component that lacks pods.
func notReady(s *chatv1alpha1.ChatClusterStatus) string {
	for _, service := range s.Services {
		if service.Ready < service.Desired || service.Updated < service.Desired {
			return fmt.Sprintf("%s: %d of %d pods ready, %d up to date; %s %s", service.Name, service.Ready, service.Desired, service.Updated, service.Reason, service.Message)
		}
	}
	return "pods are being replaced"
}

func dependenciesCondition(p *pass, s *chatv1alpha1.ChatClusterStatus) metav1.Condition {
	const kind = chatv1alpha1.ConditionDependenciesReady
	if len(p.bound.Problems) > 0 {
		return condition(kind, metav1.ConditionFalse, p.bound.Problems[0].Reason(), p.bound.Problems[0].Message)
	}
	result, filling := condition(kind, metav1.ConditionTrue, chatv1alpha1.ReasonReachable, ""), false
	for _, d := range s.Dependencies {
		if d.Reason == chatv1alpha1.ReasonIgnored {
			continue
		}
		switch d.Ready {
		case metav1.ConditionFalse:
			if d.Reason == chatv1alpha1.ReasonSearchIndexWithdrawn {
				return condition(kind, metav1.ConditionFalse, d.Reason, indexMessage(p))
			}
			return condition(kind, metav1.ConditionFalse, dependencyReason(d.Name, d.Reason), dependencyAdvice(d))
		case metav1.ConditionUnknown:
			result.Reason = chatv1alpha1.ReasonBound
		case metav1.ConditionTrue:
			filling = filling || d.Reason == chatv1alpha1.ReasonSearchIndexFilling
		}
	}
	if p.bound.Sources == nil {
		return condition(kind, metav1.ConditionUnknown, chatv1alpha1.ReasonUnobserved, "")
	}
	if filling {
		result.Reason, result.Message = chatv1alpha1.ReasonSearchIndexFilling, indexMessage(p)
	}
	return result
}

func dependencyAdvice(d chatv1alpha1.DependencyStatus) string {
	switch component.Class(d.Reason) {
	case component.ClassAuthFailed:
		return refusalAdvice(d)
	case component.ClassTLSFailed:
		return fmt.Sprintf("the certificate of %s does not fit: see the field tls and the entry ca.crt of the Secret %s", d.Name, d.Secret)
	case component.ClassUnfit:
		switch component.Dependency(d.Name) {
		case component.ObjectStore:
			return "the bucket of objectstore is not there, or cannot do what files need: see spec.dependencies.objectStore.bucket and region, and kubectl parley doctor"
		case component.SpeechProvider:
			return "the provider of speech answers what nobody asked: see spec.dependencies.speech, and the log of speech"
		default:
		}
		return fmt.Sprintf("%s is not what is needed, or its index is foreign: it must be of version 8 or 9; see the log of message, "+
			"or choose another indexPrefix", d.Name)
	case component.ClassProgramMissing:
		return fmt.Sprintf("the image of %s lacks ffmpeg, or PocketSphinx where that is the provider, and recordings are not read: "+
			"see spec.services.speech.image, and the log of speech, which names what is missing", d.Name)
	case component.ClassReachable, component.ClassUnreachable:
		return fmt.Sprintf("%s does not answer: see host and port in the Secret %s, and that it runs", d.Name, d.Secret)
	default:
		return fmt.Sprintf("%s: %s", d.Name, d.Reason)
	}
}

// refusalAdvice is for a store or provider that knows us and does not let us in.
func refusalAdvice(d chatv1alpha1.DependencyStatus) string {
	switch component.Dependency(d.Name) {
	case component.SMS:
		return fmt.Sprintf("the provider of codes refuses the account: see its balance, sign name and template, and the Secret %s", d.Secret)
	case component.ObjectStore:
		return fmt.Sprintf("objectstore refuses the keys of the Secret %s: correct access-key-id and secret-access-key, and their rights on the bucket", d.Secret)
	case component.SpeechProvider:
		return fmt.Sprintf("the provider of speech refuses the account: see its quota, and the Secret %s", d.Secret)
	default:
		return fmt.Sprintf("%s refuses username and password of the Secret %s: correct them", d.Name, d.Secret)
	}
}

func schemaCondition(p *pass, outcome error) metav1.Condition {
	const kind = chatv1alpha1.ConditionSchemaReady
	stop, _ := errors.AsType[*stalledError](outcome)
	switch {
	case p.schema.job == "":
		return condition(kind, metav1.ConditionUnknown, chatv1alpha1.ReasonUnobserved, "")
	case p.schema.failed && stop != nil:
		reason := chatv1alpha1.ReasonJobFailed
		switch p.schema.result.Reason {
		case "Dirty":
			reason = chatv1alpha1.ReasonDirty
		case "OwnedByAnother":
			reason = chatv1alpha1.ReasonOwnedByAnother
		}
		return condition(kind, metav1.ConditionFalse, reason, stop.message)
	case p.plan.Expand && p.isDatabaseLost():
		return condition(kind, metav1.ConditionUnknown, chatv1alpha1.ReasonUnobserved, "no Job can run without the Secret of mysql")
	case p.schema.complete || !p.plan.Expand:
		return condition(kind, metav1.ConditionTrue, chatv1alpha1.ReasonUpToDate, "")
	case p.schema.result.Reason == "LockHeld":
		return condition(kind, metav1.ConditionFalse, chatv1alpha1.ReasonLockHeld, "another run changes the schemas: wait")
	default:
		return condition(kind, metav1.ConditionFalse, chatv1alpha1.ReasonExpanding, "the Job "+p.schema.job+" changes the schemas")
	}
}

func availableCondition(p *pass, s *chatv1alpha1.ChatClusterStatus) metav1.Condition {
	const kind = chatv1alpha1.ConditionAvailable
	down := func(reason, message string) metav1.Condition {
		return condition(kind, metav1.ConditionFalse, reason, message)
	}
	if p.cluster.Status.Version == "" && s.Version == "" {
		return down(chatv1alpha1.ReasonInstalling, "the first pods start")
	}
	if !isServing(s.Services, component.Gateway) {
		return down(chatv1alpha1.ReasonNoGateway, "no gateway is ready: see status.services")
	}
	for _, name := range []component.Name{component.User, component.Friend, component.Message} {
		if !isServing(s.Services, name) {
			return down(chatv1alpha1.ReasonCoreServiceDown, string(name)+" has no ready pod: see status.services")
		}
	}
	for _, d := range s.Dependencies {
		if d.Ready != metav1.ConditionFalse || component.Class(d.Reason) == "" {
			continue
		}
		reached := classOf(p, component.Dependency(d.Name))
		switch {
		case d.Reason == chatv1alpha1.ReasonSearchIndexWithdrawn:
			return condition(kind, metav1.ConditionTrue, chatv1alpha1.ReasonDegraded, "search is unavailable: "+d.Name+" has an index that lacks texts; sends go on")
		case reached == "" || reached == component.ClassReachable: // pods run on with what they have
		case d.Name == string(component.MySQL):
			return down(chatv1alpha1.ReasonDatabaseDown, "no pod reaches MySQL")
		default:
			return condition(kind, metav1.ConditionTrue, chatv1alpha1.ReasonDegraded, downMessage(d.Name))
		}
	}
	for _, name := range []component.Name{component.File, component.Speech} {
		if slices.Contains(p.running(), name) && !isServing(s.Services, name) {
			return condition(kind, metav1.ConditionTrue, chatv1alpha1.ReasonDegraded, string(name)+" has no ready pod: see status.services; texts go on")
		}
	}
	return condition(kind, metav1.ConditionTrue, chatv1alpha1.ReasonServing, "")
}

// downMessage says what people do without.
func downMessage(dependency string) string {
	switch component.Dependency(dependency) {
	case component.ObjectStore:
		return dependency + " is down: files are unavailable; texts go on"
	case component.SpeechProvider:
		return dependency + " is down: voice messages are not read; sends go on"
	default:
		return dependency + " is down; sends go on"
	}
}

func drainingCondition(p *pass) metav1.Condition {
	const kind = chatv1alpha1.ConditionGatewayDraining
	draining := p.seen.draining()
	if len(draining) == 0 {
		return idle(kind)
	}
	for _, pod := range draining {
		status := p.seen.told[pod.Name]
		if status.Gateway != nil && status.Gateway.Drain != nil && status.Gateway.Drain.Overdue {
			return condition(kind, metav1.ConditionTrue, chatv1alpha1.ReasonOverdue, "sessions move faster than the budget says; raise drain.timeout or sessionsPerSecond")
		}
	}
	return condition(kind, metav1.ConditionTrue, chatv1alpha1.ReasonMoving, fmt.Sprintf("sessions move off %d pods", len(draining)))
}
