export default { title: "坐席录音" };
