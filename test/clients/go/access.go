package main

func (s *story) policies() {
	sys := s.client.Sys()
	check(sys.PutPolicy("gardener", s.Policy))
	newText := must(sys.GetPolicy("gardener"))
	oldText := must(s.client.Logical().Read("sys/policy/gardener")).Data["rules"]
	listed := must(sys.ListPolicies())
	made := must(s.client.Auth().Token().Create(&tokenRequest{Policies: []string{"gardener"}}))
	holder := s.withToken(made.Auth.ClientToken)
	kv := holder.KVv1("plain")
	capabilities := object{}
	for _, path := range []string{"plain/garden", "plain/other", "versioned/data/x"} {
		capabilities[path] = must(holder.Sys().CapabilitiesSelf(path))
	}
	allowed := must(kv.Get(background, "garden"))
	_, denied := kv.Get(background, "other")
	mayNotWrite := kv.Put(background, "garden", object{"a": "b"})
	badText := sys.PutPolicy("bad", `path "a" { nonsense`)
	check(sys.DeletePolicy("gardener"))
	_, afterDelete := kv.Get(background, "garden")
	missing := 200
	if must(s.client.Logical().Read("sys/policy/gardener")) == nil {
		missing = 404
	}
	s.report["policies"] = object{
		"text":          oldText,
		"new_text":      newText,
		"listed":        listed,
		"capabilities":  capabilities,
		"allowed":       allowed.Data,
		"denied":        refusal(denied),
		"may_not_write": refusal(mayNotWrite),
		"bad_text":      refusal(badText),
		"after_delete":  refusal(afterDelete),
		"listed_after":  must(sys.ListPolicies()),
		"missing":       missing,
	}
}

func (s *story) tokens() {
	token := s.client.Auth().Token()
	made := must(token.Create(&tokenRequest{
		Policies: []string{"gardener"}, TTL: "1h", Metadata: map[string]string{"team": "roses"},
		DisplayName: "rose",
	})).Auth
	looked := must(token.Lookup(made.ClientToken)).Data
	byAccessor := must(token.LookupAccessor(made.Accessor)).Data
	renewed := must(token.Renew(made.ClientToken, 1800)).Auth
	own := must(s.withToken(made.ClientToken).Auth().Token().LookupSelf()).Data
	check(token.RevokeAccessor(made.Accessor))
	_, revoked := token.Lookup(made.ClientToken)

	onlyDefault := []string{"default"}
	limited := must(token.Create(&tokenRequest{Policies: onlyDefault, NumUses: 2})).Auth.ClientToken
	use := s.withToken(limited).Sys().CapabilitiesSelf
	firstUse := must(use("plain/garden"))
	usesLeft := must(token.Lookup(limited)).Data["num_uses"]
	must(use("plain/garden"))
	_, usedUp := use("plain/garden")

	parent := must(token.Create(&tokenRequest{Policies: []string{"root"}, TTL: "1h"})).Auth.ClientToken
	asParent := s.withToken(parent).Auth().Token()
	child := must(asParent.Create(&tokenRequest{Policies: onlyDefault})).Auth.ClientToken
	orphan := must(asParent.CreateOrphan(&tokenRequest{Policies: onlyDefault})).Auth.ClientToken
	check(token.RevokeTree(parent))
	_, childGone := token.Lookup(child)
	_, noToken := s.withToken("").KVv1("plain").Get(background, "garden")
	s.report["tokens"] = object{
		"made": pick(made, "policies", "lease_duration", "renewable", "orphan", "metadata"),
		"looked": pick(looked,
			"display_name", "creation_ttl", "ttl", "path", "meta", "policies"),
		"looked_id_is_token": looked["id"] == made.ClientToken,
		"by_accessor":        pick(byAccessor, "id", "display_name"),
		"renewed":            renewed.LeaseDuration,
		"own_ttl":            own["ttl"],
		"revoked":            refusal(revoked),
		"first_use":          firstUse,
		"uses_left":          usesLeft,
		"used_up":            refusal(usedUp),
		"child":              refusal(childGone),
		"orphan":             pick(must(token.Lookup(orphan)).Data, "orphan", "policies"),
		"no_token":           refusal(noToken),
	}
}
