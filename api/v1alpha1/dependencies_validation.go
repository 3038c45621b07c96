// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"time"
	"unicode"
)

func (p *problems) checkDependencies(spec *ChatClusterSpec) {
	d := &spec.Dependencies
	p.checkMySQL("spec.dependencies.mysql", d.MySQL)
	p.checkRabbitMQ("spec.dependencies.rabbitmq", d.RabbitMQ)
	p.checkElasticsearch("spec.dependencies.elasticsearch", d.Elasticsearch)
	p.checkObjectStore("spec.dependencies.objectStore", d.ObjectStore)
	p.checkSMS("spec.dependencies.sms", d.SMS, spec.Profile)
	p.checkSpeech("spec.dependencies.speech", d.Speech)
}

var (
	databasePrefix = regexp.MustCompile(`^[a-z][a-z0-9_]{0,23}$`)
	indexPrefix    = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)
	publicHost     = regexp.MustCompile(`^https?://([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/|$)`)
	bucketName     = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	secretEntry    = regexp.MustCompile(`^[a-z0-9.-]{1,64}$`)
	secretKey      = regexp.MustCompile(`^[-._a-zA-Z0-9]{1,253}$`)
	countryCode    = regexp.MustCompile(`^[A-Z]{2}$`)
	phoneNumber    = regexp.MustCompile(`^\+[1-9][0-9]{5,14}$`)
	regionName     = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)
	languageCode   = regexp.MustCompile(`^[a-z]{2,3}$`)
)

// checkSource is C10.
func (p *problems) checkSource(path string, source Source) {
	count := 0
	if source.SecretRef != nil {
		count++
		p.checkSecret(path+".secretRef", source.SecretRef)
	}
	if source.BindingRef != nil {
		count++
		p.checkBinding(path+".bindingRef", source.BindingRef)
	}
	p.unless(count == 1, path, "set exactly one of secretRef and bindingRef")
	p.oneOf(path+".tls", string(source.TLS), "VerifyFull", "VerifyCA", "Disabled")
}

// checkSecret is C15 for secrets.
func (p *problems) checkSecret(path string, secret *SecretReference) {
	p.checkObjectName(path+".name", secret.Name)
	p.atMost(path+".keys", len(secret.Keys), 32)
	for _, entry := range sortedNames(secret.Keys) {
		p.unless(secretEntry.MatchString(entry), path+".keys", "name entries with at most 64 of a-z, 0-9, - and dots")
		p.unless(secretKey.MatchString(secret.Keys[entry]), path+".keys",
			"name keys of the Secret with at most 253 of a-z, A-Z, 0-9, -, _ and dots")
	}
}

func (p *problems) checkBinding(path string, binding *BindingReference) {
	p.unless(binding.APIVersion != "", path+".apiVersion", "write the object's apiVersion, like rabbitmq.com/v1beta1")
	p.unless(binding.Kind != "", path+".kind", "write the object's kind, like RabbitmqCluster")
	p.checkObjectName(path+".name", binding.Name)
}

func (p *problems) checkMySQL(path string, mysql *MySQL) {
	if mysql == nil {
		p.add(path, "name the database: it is required")
		return
	}
	p.checkSource(path, mysql.Source)
	p.unless(databasePrefix.MatchString(mysql.DatabasePrefix), path+".databasePrefix",
		"use at most 24 of a-z, 0-9 and _, starting with a letter")
	p.within(path+".maxOpenConnsPerPod", *mysql.MaxOpenConnsPerPod, 2, 256)
}

func (p *problems) checkRabbitMQ(path string, rabbit *RabbitMQ) {
	if rabbit == nil {
		p.add(path, "name the broker: it is required")
		return
	}
	p.checkSource(path, rabbit.Source)
	p.unless(len(rabbit.VHost) <= 127 && isPrintable(rabbit.VHost), path+".vhost", "use 1 to 127 visible characters")
}

func isPrintable(text string) bool {
	for _, r := range text {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return false
		}
	}
	return true
}

func (p *problems) checkElasticsearch(path string, index *Elasticsearch) {
	if index == nil {
		return
	}
	p.checkSource(path, index.Source)
	p.unless(indexPrefix.MatchString(index.IndexPrefix), path+".indexPrefix",
		"use at most 64 of a-z, 0-9, _ and -, starting with a letter")
	p.within(path+".indexReplicas", *index.IndexReplicas, 0, 5)
	if d, ok := p.duration(path+".rebuild.timeout", index.Rebuild.Timeout); ok {
		p.unless(d >= time.Minute, path+".rebuild.timeout", "choose at least 1m")
	}
	p.within(path+".rebuild.backoffLimit", *index.Rebuild.BackoffLimit, 0, 20)
	p.checkResources(path+".rebuild.resources", index.Rebuild.Resources)
}

func (p *problems) checkObjectStore(path string, store *ObjectStore) {
	if store == nil {
		return
	}
	p.checkSource(path, store.Source)
	p.unless(store.Bucket == "" || bucketName.MatchString(store.Bucket), path+".bucket",
		"use 3 to 63 of a-z, 0-9, - and dots, starting and ending with a letter or digit")
	p.unless(regionName.MatchString(store.Region), path+".region", "write a region like eu-central-1")
	p.unless(store.PublicEndpoint == "" || isServer(store.PublicEndpoint) && publicHost.MatchString(store.PublicEndpoint),
		path+".publicEndpoint", "write scheme and host, like https://files.example.com")
	p.unless(store.PublicEndpoint == "" || *store.PathStyle || store.Bucket != "", path+".bucket",
		"name the bucket here: without pathStyle it is part of the address that publicEndpoint gives pages")
}

// isServer accepts an address without user, query and fragment.
func isServer(text string) bool {
	parsed, err := url.Parse(text)
	return err == nil && (parsed.Scheme == "http" || parsed.Scheme == "https") && parsed.Hostname() != "" &&
		parsed.User == nil && parsed.RawQuery == "" && parsed.Fragment == "" && len(text) <= 2048
}

func (p *problems) checkSMS(path string, sms *SMS, profile Profile) {
	if sms == nil {
		return
	}
	p.oneOf(path+".provider", sms.Provider, "Aliyun", "Twilio", "Webhook", "Log")
	// C4
	p.unless(sms.Provider != "Log" || profile == ProfileDevelopment, path+".provider",
		"Log writes codes to the log and is for Development only; choose another, or remove sms")
	p.checkProviderSecret(path, sms.SecretRef, sms.Provider != "Log", sms.Provider != "Log")
	p.checkSMSBlocks(path, sms)
	for i, country := range sms.AllowedCountries {
		at := fmt.Sprintf("%s.allowedCountries[%d]", path, i)
		p.unless(countryCode.MatchString(country), at, "write two capital letters, like CN")
		p.unless(!slices.Contains(sms.AllowedCountries[:i], country), at, "remove it: it is there twice")
	}
	p.atMost(path+".allowedCountries", len(sms.AllowedCountries), 249) // as many as ISO 3166-1 has
	p.unless(*sms.DailyBudget >= 1, path+".dailyBudget", "choose at least 1")
}

// checkProviderSecret is C12 for secrets.
func (p *problems) checkProviderSecret(path string, secret *SecretReference, required, allowed bool) {
	switch {
	case secret == nil:
		p.unless(!required, path+".secretRef", "name the Secret with the credentials: this provider needs it")
	case !allowed:
		p.add(path+".secretRef", "remove it: this provider has no credentials")
	default:
		p.checkSecret(path+".secretRef", secret)
	}
}

// checkSMSBlocks is C12: a provider and its block belong together.
func (p *problems) checkSMSBlocks(path string, sms *SMS) {
	p.block(path+".aliyun", sms.Aliyun != nil, sms.Provider == "Aliyun")
	p.block(path+".twilio", sms.Twilio != nil, sms.Provider == "Twilio")
	if sms.Aliyun != nil {
		p.unless(sms.Aliyun.SignName != "", path+".aliyun.signName", "write the registered name")
		p.unless(sms.Aliyun.TemplateCode != "", path+".aliyun.templateCode", "write the registered code")
		p.unless(regionName.MatchString(sms.Aliyun.Region), path+".aliyun.region", "write a region like cn-hangzhou")
	}
	if sms.Twilio != nil {
		from, service := sms.Twilio.From != "", sms.Twilio.MessagingServiceSID != ""
		p.unless(from != service, path+".twilio", "set exactly one of from and messagingServiceSID")
		p.unless(!from || phoneNumber.MatchString(sms.Twilio.From), path+".twilio.from", "write a number like +15551234567")
	}
}

func (p *problems) block(path string, present, wanted bool) {
	p.unless(!wanted || present, path, "fill it in: the provider needs it")
	p.unless(wanted || !present, path, "remove it: it belongs to another provider")
}

func (p *problems) checkSpeech(path string, speech *Speech) {
	if speech == nil {
		return
	}
	p.oneOf(path+".provider", speech.Provider, "Baidu", "OpenAI", "PocketSphinx")
	p.checkProviderSecret(path, speech.SecretRef, speech.Provider == "Baidu", speech.Provider != "PocketSphinx")
	p.block(path+".openAI", speech.OpenAI != nil, speech.Provider == "OpenAI")
	if speech.OpenAI != nil {
		p.unless(isServer(speech.OpenAI.BaseURL), path+".openAI.baseURL", "write an address like https://speech.example.com")
		p.unless(speech.OpenAI.Language == "" || languageCode.MatchString(speech.OpenAI.Language), path+".openAI.language",
			"write a code like en")
	}
	if d, ok := p.duration(path+".maxDuration", speech.MaxDuration); ok {
		p.unless(d >= 5*time.Second && d <= 5*time.Minute, path+".maxDuration", "choose from 5s to 5m")
	}
}
