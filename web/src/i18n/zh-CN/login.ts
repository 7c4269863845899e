export default {
  title: "登录",
  lead: "柜台与热线的录音与实时监听",
  name: "用户名",
  password: "密码",
  submit: "登录",
  expired: "登录已过期，请重新登录。",
  capsLock: "大写锁定已打开",
  seatHint: "坐席录音请用管理员给的链接或二维码打开，不必登录。",
  version: "版本 {version}",
};
