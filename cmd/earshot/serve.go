package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Run serves until ctx ends, then ends everything in order.
func (c serveCommand) Run(ctx context.Context, out io.Writer) error {
	s, err := c.settle()
	if err != nil {
		return err
	}
	a, err := openApp(ctx, s, newLog(os.Stderr, s.LogLevel))
	if err != nil {
		return err
	}
	if s.Demo {
		if err := a.startDemo(ctx); err != nil {
			closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
			defer cancel()
			return fmt.Errorf("demo: %w", firstOf(err, a.close(closing)))
		}
	}
	a.greet(out)
	for err == nil && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case err = <-a.failed:
		case password := <-a.passwords:
			fmt.Fprintf(out, "  登录 / sign in: admin  %s  (密码只显示这一次 / this password is shown only now)\n", password)
		}
	}
	if err == nil {
		fmt.Fprintln(out, "\n正在停止：完成所有通话的保存 / stopping: completing every call")
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	return firstOf(err, a.close(closing))
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// greet says where everything is and how to sign in.
func (a *app) greet(out io.Writer) {
	line := func(name, value string) { fmt.Fprintf(out, "  %-24s %s\n", name, value) }
	fmt.Fprintf(out, "\n声鉴 Earshot %s\n\n", version)
	line("打开 / open", localURL("http", a.http))
	if a.https != nil {
		line("", a.publicURL())
		if a.caFile != "" {
			line("证书机构 / authority", shorten(a.caFile)+"  (席位电脑需信任它 / the seats' machines must trust it)")
		}
	}
	switch {
	case a.demo != nil:
		a.demo.greet(line)
	case a.indexAway:
		line("登录 / sign in", "索引用不了，暂时不能登录；录音照常 / the index is away: nobody can sign in yet; recording goes on")
	case a.password != "":
		line("登录 / sign in", "admin  "+a.password)
		line("", "密码只显示这一次 / this password is shown only now")
	default:
		line("登录 / sign in", "admin  (忘记密码 / forgotten: earshot user passwd admin --data "+shorten(a.settings.Data)+")")
	}
	line("媒体 / media", "UDP "+a.wire.UDPAddr().String()+tcpPort(a.wire.TCPAddr()))
	line("WHIP", a.publicURL()+"/whip/<seat>")
	line("数据 / data", shorten(a.settings.Data)+"  (录音 / audio: "+shorten(filepath.Join(a.settings.Data, "audio"))+")")
	line("停止 / stop", "Ctrl-C")
	fmt.Fprintln(out)
}

func tcpPort(address fmt.Stringer) string {
	if address == nil {
		return ""
	}
	return ", TCP " + address.String()
}
