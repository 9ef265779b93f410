package main

import (
	"context"
	"fmt"
	"slices"
)

var background = context.Background()

func (s *story) mountTable() object {
	table := object{}
	for path, mount := range must(s.client.Sys().ListMounts()) {
		shown := pick(mount, "type", "description", "seal_wrap")
		shown["version"] = nil
		if version, given := mount.Options["version"]; given {
			shown["version"] = version
		}
		table[path] = shown
	}
	return table
}

func names(table object) []string {
	listed := []string{}
	for name := range table {
		listed = append(listed, name)
	}
	slices.Sort(listed)
	return listed
}

func (s *story) mounts() {
	sys := s.client.Sys()
	mount := func(path, version, description string, sealWrap bool) error {
		options := map[string]string{"version": version}
		return sys.Mount(path, &mountInput{
			Type: "kv", Description: description, SealWrap: sealWrap, Options: options,
		})
	}
	before := names(s.mountTable())
	check(mount("plain", "1", "first", true))
	check(mount("versioned", "2", "", false))
	check(mount("short", "1", "", false))
	used := mount("plain", "1", "", false)
	enabled := s.mountTable()
	for _, path := range before {
		delete(enabled, path)
	}
	description := "tuned"
	check(sys.TuneMount("plain", mountConfig{
		DefaultLeaseTTL: "1h", MaxLeaseTTL: "2h", Description: &description,
	}))
	tuned := pick(must(sys.MountConfig("plain")), "default_lease_ttl", "max_lease_ttl")
	tuned["description"] = must(sys.ListMounts())["plain/"].Description
	check(s.client.KVv1("short").Put(background, "gone", object{"a": "b"}))
	check(sys.Unmount("short"))
	_, gone := s.client.KVv1("short").Get(background, "gone")
	s.report["mounts"] = object{
		"before":  before,
		"enabled": enabled,
		"used":    refusal(used),
		"tuned":   tuned,
		"after":   names(s.mountTable()),
		"gone":    refusal(gone)["status"],
	}
}

// list gives the names below a path. A client shows an empty list as no answer at all.
func (s *story) list(path string) []any {
	answer := must(s.client.Logical().List(path))
	if answer == nil {
		return nil
	}
	return answer.Data["keys"].([]any)
}

func (s *story) kv1() {
	kv := s.client.KVv1("plain")
	check(kv.Put(background, "garden", s.Value))
	check(kv.Put(background, "tools/spade", object{
		"count": 3, "sharp": true, "tags": []string{"a", "b"},
	}))
	read := must(kv.Get(background, "tools/spade"))
	listed := s.list("plain")
	check(kv.Delete(background, "tools/spade"))
	_, deleted := kv.Get(background, "tools/spade")
	listedNothing := 404
	if s.list("plain/tools") != nil {
		listedNothing = 200
	}
	s.report["kv1"] = object{
		"read":           read.Data,
		"lease_duration": read.Raw.LeaseDuration,
		"listed":         listed,
		"deleted":        refusal(deleted)["status"],
		"listed_nothing": listedNothing,
		"left":           must(kv.Get(background, "garden")).Data,
	}
}

// found turns the empty answer for a deleted version into the error it stands for.
func found(answer *kvSecret, err error) (*kvSecret, error) {
	if err == nil && answer.Data == nil {
		return nil, fmt.Errorf("%w: deleted", errSecretNotFound)
	}
	return answer, err
}

func (s *story) kv2() {
	kv := s.client.KVv2("versioned")
	shown := func(answer *kvSecret, err error) object {
		version := must(found(answer, err))
		return object{"data": version.Data, "version": version.VersionMetadata.Version}
	}
	latest := func() object { return shown(kv.Get(background, "app/db")) }
	first := must(kv.Put(background, "app/db", object{"user": "ann", "port": 1}, withCheckAndSet(0)))
	second := must(kv.Put(background, "app/db", object{"user": "bob", "port": 2}, withCheckAndSet(1)))
	_, stale := kv.Put(background, "app/db", object{"user": "eve"}, withCheckAndSet(1))
	read := object{"latest": latest(), "first": shown(kv.GetVersion(background, "app/db", 1))}
	must(kv.Patch(background, "app/db", object{"user": "cid"}))
	read["patched"] = latest()
	check(kv.Delete(background, "app/db"))
	_, deleted := found(kv.Get(background, "app/db"))
	check(kv.Undelete(background, "app/db", []int{3}))
	read["undeleted"] = latest()
	check(kv.Destroy(background, "app/db", []int{1}))
	_, destroyed := found(kv.GetVersion(background, "app/db", 1))
	check(kv.PutMetadata(background, "app/db", kvMetadataInput{
		MaxVersions: 5, CustomMetadata: object{"owner": "ann"},
	}))
	metadata := must(kv.GetMetadata(background, "app/db"))
	destroyedVersions := object{}
	for number, version := range metadata.Versions {
		destroyedVersions[number] = version.Destroyed
	}
	listed := object{"root": s.list("versioned/metadata"), "folder": s.list("versioned/metadata/app")}
	check(kv.DeleteMetadata(background, "app/db"))
	_, erased := kv.Get(background, "app/db")
	s.report["kv2"] = object{
		"written":   []int{first.VersionMetadata.Version, second.VersionMetadata.Version},
		"stale":     refusal(stale),
		"read":      read,
		"deleted":   refusal(deleted)["status"],
		"destroyed": refusal(destroyed)["status"],
		"metadata": object{
			"current_version": metadata.CurrentVersion,
			"max_versions":    metadata.MaxVersions,
			"custom_metadata": metadata.CustomMetadata,
			"destroyed":       destroyedVersions,
		},
		"listed": listed,
		"erased": refusal(erased)["status"],
	}
}

func (s *story) wrapping() {
	wrapping := s.withToken(s.client.Token())
	wrapping.SetWrappingLookupFunc(func(operation, path string) string { return "90s" })
	wrapped := must(wrapping.Logical().Read("plain/garden"))
	bearer := wrapped.WrapInfo.Token
	looked := must(s.client.Logical().Write("sys/wrapping/lookup", object{"token": bearer}))
	sent := must(wrapping.Logical().Write("sys/wrapping/wrap", object{"word": "thistle"}))
	unwrapped := must(s.withToken(bearer).Logical().Unwrap(bearer))
	_, again := s.withToken(bearer).Logical().Unwrap(bearer)
	s.report["wrapping"] = object{
		"data":      wrapped.Data,
		"info":      pick(wrapped.WrapInfo, "ttl", "creation_path"),
		"looked":    pick(looked.Data, "creation_path", "creation_ttl"),
		"unwrapped": unwrapped.Data,
		"again":     refusal(again),
		"sent":      must(s.client.Logical().Unwrap(sent.WrapInfo.Token)).Data,
	}
}
