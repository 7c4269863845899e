export default {
  title: "登录",
  lead: "柜台与热线的录音与实时监听",
  name: "用户名",
  password: "密码",
  submit: "登录",
  expired: "登录已过期，请重新登录。",
  indexAway:
    "服务器的索引（数据库）现在用不了，暂时不能登录。录音不受影响。请运维检查数据库；文件损坏时，停止服务后运行 earshot reindex。",
  capsLock: "大写锁定已打开",
  seatHint: "坐席录音请用管理员给的链接或二维码打开，不必登录。",
  version: "版本 {version}",
};
