package main

func (s *story) counts() object {
	return pick(must(s.client.Sys().SealStatus()), "t", "n")
}

func (s *story) garden() object {
	return must(s.client.Logical().Read("plain/garden")).Data
}

func (s *story) initialize() []string {
	sys := s.client.Sys()
	before := must(sys.InitStatus())
	asked := &initRequest{RecoveryShares: 3, RecoveryThreshold: 2}
	if s.Seal == "shamir" {
		asked = &initRequest{SecretShares: 3, SecretThreshold: 2}
	}
	made := must(sys.Init(asked))
	s.client.SetToken(made.RootToken)
	_, again := sys.Init(&initRequest{SecretShares: 1, SecretThreshold: 1})
	shown := pick(made,
		"keys", "keys_base64", "recovery_keys", "recovery_keys_base64", "root_token")
	shown["before"], shown["after"] = before, must(sys.InitStatus())
	shown["again"] = refusal(again)
	s.report["init"] = shown
	if len(made.Keys) > 0 {
		return made.Keys
	}
	return made.RecoveryKeys
}

func (s *story) unseal(shares []string) {
	sys := s.client.Sys()
	shown := []string{"type", "sealed", "t", "n", "progress"}
	sealed := must(sys.SealStatus())
	_, refused := sys.ListMounts()
	first := must(sys.Unseal(shares[0]))
	reset := must(sys.ResetUnsealProcess())
	must(sys.Unseal(shares[0]))
	opened := must(sys.Unseal(shares[1]))
	s.report["unseal"] = object{
		"sealed":       pick(sealed, shown...),
		"while_sealed": refusal(refused),
		"first":        pick(first, "sealed", "progress"),
		"reset":        pick(reset, "sealed", "progress"),
		"opened":       pick(opened, shown...),
		"health":       pick(must(sys.Health()), "initialized", "sealed", "standby"),
		"ha_enabled":   must(sys.Leader()).HAEnabled,
	}
}

// reopen seals the vault, and tries to unseal it with the old shares and then the new ones.
func (s *story) reopen(old, fresh []string) object {
	sys := s.client.Sys()
	check(sys.Seal())
	sealed := must(sys.SealStatus()).Sealed
	must(sys.Unseal(old[0]))
	_, refused := sys.Unseal(old[1])
	must(sys.Unseal(fresh[0]))
	opened := must(sys.Unseal(fresh[1]))
	return object{
		"sealed":     sealed,
		"old_shares": refusal(refused),
		"new_shares": pick(opened, "sealed", "t", "n"),
		"value":      s.garden(),
	}
}

func (s *story) rotate() {
	sys := s.client.Sys()
	before := must(sys.KeyStatus())
	check(sys.Rotate())
	after := must(sys.KeyStatus())
	must(s.client.Logical().Write("plain/late", object{"a": "b"}))
	s.report["rotate"] = object{
		"terms":         []int{before.Term, after.Term},
		"install_times": []any{before.InstallTime, after.InstallTime},
		"old_value":     s.garden(),
		"new_value":     must(s.client.Logical().Read("plain/late")).Data,
	}
}
