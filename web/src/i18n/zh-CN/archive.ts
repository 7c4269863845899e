export default { title: "录音档案" };
