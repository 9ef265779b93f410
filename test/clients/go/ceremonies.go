package main

import "encoding/base64"

var (
	shownStatus   = []string{"started", "t", "n", "progress", "required"}
	shownRequest  = []string{"backup", "verification_required", "pgp_fingerprints"}
	shownProgress = []string{"started", "t", "n", "progress"}
)

// rekeyWithPGP rekeys from two old shares to two encrypted, backed-up and verified ones. Gives those.
func (s *story) rekeyWithPGP(shares []string, recovery bool) []string {
	endpoints := familyOf(s.client, s.Family, recovery)
	status := func() any { return must(endpoints.status()) }
	asked := rekeyRequest{SecretShares: 2, SecretThreshold: 2, Backup: true, RequireVerification: true}
	for _, holder := range s.Holders {
		asked.PGPKeys = append(asked.PGPKeys, holder.Key)
	}
	answers := object{"idle": pick(status(), shownStatus...)}
	s.report["rekey_with_pgp"] = answers

	nonce := text(must(endpoints.start(asked)), "nonce")
	_, secondStart := endpoints.start(asked)
	answers["second_start"] = refusal(secondStart)
	must(endpoints.give(shares[0], nonce))
	answers["first"] = pick(status(), append(shownStatus, shownRequest...)...)
	_, duplicate := endpoints.give(shares[0], nonce)
	answers["duplicate"] = refusal(duplicate)
	_, wrong := endpoints.give(changed(shares[1]), nonce)
	answers["wrong_share"] = refusal(wrong)
	answers["progress_kept"] = fields(status())["progress"]
	check(endpoints.cancel(nonce))
	answers["cancelled"] = pick(status(), shownStatus...)
	_, afterCancel := endpoints.give(shares[1], nonce)
	answers["after_cancel"] = refusal(afterCancel)

	nonce = text(must(endpoints.start(asked)), "nonce")
	must(endpoints.give(shares[0], nonce))
	done := must(endpoints.give(shares[1], nonce))
	shownDone := pick(done, append([]string{"complete"}, shownRequest...)...)
	shownDone["nonce_kept"] = text(done, "nonce") == nonce
	answers["done"] = shownDone
	answers["keys"], answers["keys_base64"] = fields(done)["keys"], fields(done)["keys_base64"]
	backup := must(endpoints.backup())
	shownBackup := pick(backup, "keys", "keys_base64")
	shownBackup["nonce_kept"] = text(backup, "nonce") == nonce
	answers["backup"] = shownBackup
	answers["counts_before_verification"] = s.counts()
	fresh := []string{}
	for i, message := range texts(done, "keys_base64") {
		fresh = append(fresh, s.decrypt(s.Holders[i].Name, message))
	}
	answers["shares"] = fresh
	s.verify(endpoints, answers, shares[0], fresh, text(done, "verification_nonce"))
	answers["counts"] = s.counts()
	answers["idle_again"] = pick(status(), shownStatus...)

	nonce = text(must(endpoints.start(asked)), "nonce")
	_, oldShare := endpoints.give(shares[0], nonce)
	answers["old_share"] = refusal(oldShare)
	check(endpoints.cancel(nonce))
	check(endpoints.deleteBackup())
	_, noBackup := endpoints.backup()
	answers["backup_deleted"] = refusal(noBackup)
	return fresh
}

func (s *story) verify(endpoints family, answers object, old string, fresh []string, nonce string) {
	_, oldShare := endpoints.verify(old, nonce)
	answers["old_share_in_verification"] = refusal(oldShare)
	must(endpoints.verify(fresh[0], nonce))
	answers["verified_first"] = pick(must(endpoints.verification()), shownProgress...)
	check(endpoints.restart())
	restarted := must(endpoints.verification())
	shown := pick(restarted, shownProgress...)
	shown["other_nonce"] = text(restarted, "nonce") != nonce
	answers["verification_restarted"] = shown
	nonce = text(restarted, "nonce")
	must(endpoints.verify(fresh[0], nonce))
	answers["verified"] = fields(must(endpoints.verify(fresh[1], nonce)))["complete"]
}

func (s *story) rekeyPlainly(shares []string) []string {
	endpoints := familyOf(s.client, s.Family, false)
	asked := rekeyRequest{SecretShares: 3, SecretThreshold: 2}
	nonce := text(must(endpoints.start(asked)), "nonce")
	must(endpoints.give(shares[0], nonce))
	done := must(endpoints.give(shares[1], nonce))
	shown := pick(done, "complete", "keys", "keys_base64", "backup", "verification_required")
	shown["counts"] = s.counts()
	shown["reopened"] = s.reopen(shares, texts(done, "keys_base64"))
	s.report["rekey_plainly"] = shown
	return texts(done, "keys")
}

// rekeyBarrierByRecovery makes a new root key by recovery shares, which gives no shares.
func (s *story) rekeyBarrierByRecovery(shares []string) {
	endpoints := familyOf(s.client, s.Family, false)
	started := must(endpoints.start(rekeyRequest{SecretShares: 1, SecretThreshold: 1}))
	nonce := text(started, "nonce")
	must(endpoints.give(shares[0], nonce))
	progress := fields(must(endpoints.status()))["progress"]
	done := must(endpoints.give(shares[1], nonce))
	s.report["rekey_barrier"] = object{
		"started": pick(started, "started", "t", "n", "required"),
		"first":   progress,
		"done":    pick(done, "complete", "keys", "keys_base64"),
		"counts":  s.counts(),
		"value":   s.garden(),
	}
}

func (s *story) generateRoot(shares []string) {
	sys := s.client.Sys()
	shown := []string{
		"started", "progress", "required", "complete", "otp_length", "pgp_fingerprint",
	}
	identity := func(token string) object {
		own := must(s.withToken(token).Auth().Token().LookupSelf())
		return pick(own.Data, "policies", "ttl", "orphan")
	}
	started := must(sys.GenerateRootInit("", ""))
	check(sys.GenerateRootCancel())
	cancelled := must(sys.GenerateRootStatus())
	withOTP := must(sys.GenerateRootInit("", ""))
	_, wrong := sys.GenerateRootUpdate(changed(shares[0]), withOTP.Nonce)
	first := must(sys.GenerateRootUpdate(shares[0], withOTP.Nonce))
	done := must(sys.GenerateRootUpdate(shares[1], withOTP.Nonce))
	token := must(base64.RawStdEncoding.DecodeString(done.EncodedToken))
	for i := range token {
		token[i] ^= withOTP.OTP[i]
	}
	holder := s.Holders[0]
	withPGP := must(sys.GenerateRootInit("", holder.Key))
	must(sys.GenerateRootUpdate(shares[0], withPGP.Nonce))
	pgpDone := must(sys.GenerateRootUpdate(shares[1], withPGP.Nonce))
	pgpToken := s.decrypt(holder.Name, pgpDone.EncodedToken)
	s.report["generate_root"] = object{
		"started":        pick(started, shown...),
		"otp_characters": len(started.OTP),
		"cancelled":      pick(cancelled, shown...),
		"wrong_share":    refusal(wrong),
		"progress":       first.Progress,
		"complete":       done.Complete,
		"token":          identity(string(token)),
		"with_pgp":       pick(withPGP, "started", "otp", "pgp_fingerprint"),
		"pgp_token":      identity(pgpToken),
		"idle_again":     pick(must(sys.GenerateRootStatus()), "started", "progress"),
	}
}
