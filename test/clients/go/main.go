// Runs the story of ../story.ts with one of the two Go clients: task on stdin, report on stdout, both
// JSON. Built without a tag it uses github.com/hashicorp/vault/api, with the tag openbao
// github.com/openbao/openbao/api/v2. Reports the client's answers and checks nothing.
package main

import (
	"encoding/json"
	"os"
)

type story struct {
	task
	client *apiClient
	report object
}

func main() {
	s := &story{report: object{}}
	check(json.NewDecoder(os.Stdin).Decode(&s.task))
	s.client = s.withToken("")
	if s.Seal == "shamir" {
		s.tellShamir()
	} else {
		s.tellStatic()
	}
	check(json.NewEncoder(os.Stdout).Encode(s.report))
}

func (s *story) withToken(token string) *apiClient {
	client := must(newClient(s.Address))
	client.SetToken(token)
	return client
}

func (s *story) tellShamir() {
	shares := s.initialize()
	s.unseal(shares)
	s.mounts()
	s.kv1()
	s.kv2()
	s.policies()
	s.tokens()
	s.wrapping()
	s.transit()
	fresh := s.rekeyWithPGP(shares, false)
	s.report["reopened"] = s.reopen(shares, fresh)
	latest := s.rekeyPlainly(fresh)
	s.rotate()
	s.generateRoot(latest)
}

func (s *story) tellStatic() {
	shares := s.initialize()
	s.report["status"] = pick(must(s.client.Sys().SealStatus()),
		"type", "sealed", "t", "n", "recovery_seal", "recovery_seal_type")
	s.mounts()
	s.kv1()
	fresh := s.rekeyWithPGP(shares, true)
	s.rekeyBarrierByRecovery(fresh)
	s.report["reopened"] = s.reopen(shares, fresh)
	s.rotate()
	s.generateRoot(fresh)
}
