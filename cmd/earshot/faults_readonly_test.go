package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"earshot"
)

// brittleDisk is a small ext4 of its own that turns read-only when it is told
// that it is damaged, as the kernel does with a disk that fails: a plain remount
// is refused while anybody writes.
type brittleDisk struct {
	t      *testing.T
	device string // of its image
	dir    string // where it is mounted
}

// openBrittleDisk needs root and loop devices. Where it cannot be had the test
// fails if CI=true, and elsewhere says that it was not run.
func openBrittleDisk(t *testing.T) (d *brittleDisk, ok bool) {
	t.Helper()
	d = &brittleDisk{t: t, dir: t.TempDir()}
	err := d.make(filepath.Join(t.TempDir(), "image"))
	if err == nil {
		return d, true
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	fmt.Printf("%s: not run: %v\n", t.Name(), err)
	return nil, false
}

func (d *brittleDisk) make(image string) error {
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		return err
	}
	if err := os.Truncate(image, 64<<20); err != nil {
		return err
	}
	if out, err := exec.Command("mkfs.ext4", "-q", image).CombinedOutput(); err != nil {
		return fmt.Errorf("cannot make a file system: %w: %s", err, out)
	}
	out, err := exec.Command("losetup", "--find", "--show", image).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cannot make a loop device: %w: %s", err, out)
	}
	d.device = strings.TrimSpace(string(out))
	d.t.Cleanup(func() {
		if out, err := exec.Command("losetup", "--detach", d.device).CombinedOutput(); err != nil {
			d.t.Errorf("take the loop device away: %v: %s", err, out)
		}
	})
	if err := d.mount(); err != nil {
		return fmt.Errorf("cannot mount a file system: %w", err)
	}
	d.t.Cleanup(func() {
		if err := unix.Unmount(d.dir, 0); err != nil {
			d.t.Error(err)
		}
	})
	return nil
}

func (d *brittleDisk) mount() error {
	return unix.Mount(d.device, d.dir, "ext4", 0, "errors=remount-ro")
}

// fail turns it read-only, with all files that are open on it.
func (d *brittleDisk) fail() {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join("/sys/fs/ext4", filepath.Base(d.device), "trigger_fs_error"), []byte("a test"), 0); err != nil {
		d.t.Fatal(err)
	}
}

// repair mounts it anew, as an operator does once nobody uses it any more.
func (d *brittleDisk) repair() {
	d.t.Helper()
	if err := unix.Unmount(d.dir, 0); err != nil {
		d.t.Fatal(err)
	}
	if out, err := exec.Command("fsck.ext4", "-p", d.device).CombinedOutput(); err != nil && !strings.Contains(string(out), "recovering journal") {
		fmt.Printf("fsck: %v: %s\n", err, out)
	}
	if err := d.mount(); err != nil {
		d.t.Fatal(err)
	}
}

// The disk turns read-only in a call: the wall says so at once, and when it is
// writable again, and the server started anew, what had come until then is on the
// shelf.
func TestDiskTurnsReadOnly(t *testing.T) {
	disk, ok := openBrittleDisk(t)
	if !ok {
		return
	}
	child, dead := childSite(t, disk.dir)
	d := dead.connect(dead.target("counter", "session"), twoTracks)
	const before, all = 150, 400 // packets
	agent, customer := voices(t, all)
	wall := dead.testServer.watchWall()
	wall.says("nothing is the matter", time.Now())
	said := make(chan error, 1)
	go func() { said <- d.send(agent, customer) }()
	eventually(t, "the call to be under way", func() bool {
		return time.Since(dead.liveCall("counter").StartedAt.Time) > before*slotTime
	})
	call := dead.liveCall("counter")
	at := time.Now()
	disk.fail()
	wall.until("the disk turns read-only", at, func(codes []earshot.AlarmCode) bool {
		return slices.Contains(codes, earshot.AlarmDiskFailed)
	})
	if err := <-said; err != nil {
		t.Fatal(err)
	}
	if now := dead.liveCall("counter"); now.ID != call.ID { // the wall goes on showing it
		t.Errorf("call %s is live, it was %s", now.ID, call.ID)
	}
	d.vanish()
	killNow(t, child)
	disk.repair()

	s := openSite(t, func(c *serveCommand) { c.Data = disk.dir })
	left := s.callOf(call.ID)
	if left.State != earshot.CallStored || !left.Flagged(earshot.FlagInterrupted) || len(left.Parts) != 1 {
		t.Fatalf("afterwards the call is %s, %v, parts %+v", left.State, left.Flags, left.Parts)
	}
	part := s.open(left, 1)
	for track, sent := range [][]shot{agent, customer} {
		if from, to := part.runOf(t, track, laid(t, earshot.Opus, sent)); from != 0 || to < before-mostLostSlots-d.few() {
			t.Errorf("track %d: packets %d to %d are left", track, from, to)
		}
	}
	s.stop()
}
