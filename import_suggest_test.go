package earshot

import "testing"

func TestSuggestImportPatterns(t *testing.T) {
	seats := []Seat{{ID: "w1", Name: "一号窗口"}, {ID: "h2", Name: "热线二席"}}
	for name, row := range map[string]struct {
		paths []string
		want  string
		fits  int
	}{
		"a day's folder": {
			[]string{"rec/20160304/w1_1001_13900000001_20160304101500_in.mp3", "rec/20160304/h2_1002_01065550002_20160304101700_out.mp3"},
			"{seat}_{agent}_{number}_{start:yyyyMMddHHmmss}_{direction}", 2,
		},
		"day above, time in the name": {
			[]string{"备份/2016-03-04/一号窗口/10-15-00 1001.wav", "备份/2016-03-05/热线二席/11-20-09 1002.wav"},
			"{date:yyyy-MM-dd}/{seat}/{time:HH-mm-ss} {agent}", 2,
		},
		"written out": {
			[]string{"2016-03-04_10.15.00-13900000001.wav", "2016-03-04_10.16.00-13900000002.wav", "readme.wav"},
			"{start:yyyy-MM-dd_HH.mm.ss}-{number}", 2,
		},
		"names and brackets": {
			[]string{"王小明(1001)20160304_101500.mp3"}, "{name}({agent}){start:yyyyMMdd_HHmmss}", 1,
		},
		"what tells nothing between": {
			[]string{"20160304/tape/side/1001-101500.wav", "20160305/disc/front/1002-111500.wav"},
			"{date:yyyyMMdd}/{*}/{*}/{agent}-{time:HHmmss}", 2,
		},
		"months' folders, number and name in one": {
			[]string{"营业厅录音/201603/20160301_080840_1006杨帆_18616780083_呼出.wav", "营业厅录音/201604/20160401_091011_10017欧阳锋_18616780084_呼入.wav", "营业厅录音/201604/REC00012.mp3"},
			"{start:yyyyMMdd_HHmmss}_{agent:digits}{name}_{number}_{direction}", 2,
		},
		"name and number in one": {
			[]string{"2016/李明1006-20160301080840.wav"}, "{name}{agent:digits}-{start:yyyyMMddHHmmss}", 1,
		},
		"folders of people": {
			[]string{"旧录音/2019年/03月/1006杨帆/20190310_090015_13800000001.mp3", "旧录音/2019年/04月/1007李小明/20190410_110015_13800000002.mp3"},
			"{agent:digits}{name}/{start:yyyyMMdd_HHmmss}_{number}", 2,
		},
		"folders of months and things": {
			[]string{"2019年度/201903录音/001号窗口/20190310_090015_13800000001.mp3", "2019年度/201904张三/002号窗口/20190410_110015_13800000002.mp3"},
			"{start:yyyyMMdd_HHmmss}_{number}", 2,
		},
		"times without seconds": {
			[]string{"20210202_0912.mp3", "20210202_1005.mp3", "20210203_1644.mp3", "20210203_0850_13800000001.mp3"},
			"{start:yyyyMMdd_HHmm}", 3,
		},
		"days with dashes, times without seconds": {
			[]string{"a/2021-02-02 0912-13800000001.wav", "a/2021-02-02 1312-13800000002.wav"}, "{start:yyyy-MM-dd HHmm}-{number}", 2,
		},
		"staff numbers that look like times": {
			[]string{"20210202_1001.mp3", "20210202_1002.mp3", "20210203_1015.mp3"}, "{date:yyyyMMdd}_{agent}", 3,
		},
		"staff numbers some of which look like times": {
			[]string{"20210202_0912.mp3", "20210202_1002.mp3", "20210203_8015.mp3"}, "{date:yyyyMMdd}_{agent}", 3,
		},
		"an odd one among good names": {
			[]string{
				"20160304/20160304_101500_1001_13900000001_呼入.mp3", "20160304/20160304_101700_1002_13900000002_呼出.mp3",
				"20160305/20160305_101500_1001_13900000003_呼入.mp3", "20160305/REC00012.mp3",
			},
			"{start:yyyyMMdd_HHmmss}_{agent}_{number}_{direction}", 3,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := SuggestImportPatterns(append(row.paths, "meta.csv"), seats)
			if len(got) == 0 || got[0].Pattern != row.want || got[0].Matched != row.fits || got[0].Of != len(row.paths) {
				t.Errorf("got %+v, want %s for %d of %d", got, row.want, row.fits, len(row.paths))
			}
		})
	}
	for name, paths := range map[string][]string{"none": nil, "a field and nothing else": {"REC00012.mp3", "x/REC00013.mp3", "13900000001.wav"}, "nothing known": {"a.wav", "b b.mp3", "{odd}[name].wav"}, "a table": {"x.csv"}} {
		for _, s := range SuggestImportPatterns(paths, nil) {
			t.Errorf("%s: suggested %+v", name, s)
		}
	}
}
