"""Single calls as models with knowledge of 2023 to 2025 write them, by library; each is one line that runs in a prepared session.

The choice leans to names that newer releases removed or changed, because those are what breaks; ordinary calls of the same
libraries stand beside them. `PREPARE` runs once, before the first call. A call must run without an exception, and where it is an
`assert` it must hold.
"""

PREPARE = """
import math, os, sys
import cv2, numpy as np, pandas as pd, scipy, sympy, skimage, matplotlib
import matplotlib.pyplot as plt
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps
import scipy.ndimage, scipy.integrate, scipy.signal, scipy.stats, scipy.interpolate
import skimage.measure, skimage.filters, skimage.morphology, skimage.feature, skimage.segmentation, skimage.transform
import skimage.draw, skimage.color, skimage.exposure, skimage.io, skimage.util, skimage.restoration
array = np.array(input_image)
grey = cv2.cvtColor(array, cv2.COLOR_RGB2GRAY)
mask = (grey < 200).astype(np.uint8) * 255
small = cv2.resize(array, (64, 48))
draw = ImageDraw.Draw(input_image.copy())
font = ImageFont.load_default()
vector = font if not hasattr(ImageFont, 'truetype') else ImageFont.truetype('DejaVuSans.ttf', 14)
pixel = np.array([200, 100, 50], np.uint8)
frame = pd.DataFrame({'name': ['a', 'b', 'c'], 'kind': ['x', 'x', 'y'], 'value': [1.0, 2.0, 4.0], 'year': [2019, 2020, 2021]})
series = frame['value']
"""

PILLOW = r"""
input_image.tostring()
Image.fromstring('RGB', input_image.size, input_image.tobytes())
input_image.offset(5, 5)
input_image.resize((64, 48), Image.ANTIALIAS)
input_image.resize((64, 48), resample=Image.LINEAR)
input_image.resize((64, 48), Image.CUBIC)
input_image.resize((64, 48), Image.LANCZOS)
input_image.resize((64, 48), Image.Resampling.BICUBIC)
input_image.copy().thumbnail((64, 64), Image.ANTIALIAS)
input_image.rotate(90, expand=True, resample=Image.BICUBIC)
input_image.transpose(Image.FLIP_LEFT_RIGHT)
input_image.transform((64, 48), Image.AFFINE, (1, 0, 0, 0, 1, 0), Image.BILINEAR)
input_image.convert('P', palette=Image.ADAPTIVE, colors=8)
input_image.quantize(8, method=Image.MEDIANCUT)
assert len(draw.textsize('label', font=font)) == 2
assert draw.textsize('label', font=vector)[0] > 10
draw.multiline_textsize('a\nb', font=vector)
assert draw.textlength('label', font=vector) > 10
draw.textbbox((0, 0), 'label', font=vector)
font.getsize('label')
vector.getsize('label')[0] > 10
vector.getsize_multiline('a\nb')
vector.getoffset('label')
vector.getbbox('label')
vector.getmask('label').size
ImageFont.load_default().getsize('x')
ImageFont.truetype('arial.ttf', 20).getbbox('x')
ImageFont.truetype('Arial.ttf', size=20)
ImageFont.truetype('arialbd.ttf', 20)
ImageFont.truetype('/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf', 20)
ImageFont.truetype('/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf', 20)
ImageFont.truetype('/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf', 20)
ImageFont.truetype('/System/Library/Fonts/Helvetica.ttc', 20)
ImageFont.truetype('simhei.ttf', 20, encoding='utf-8')
ImageFont.truetype('msyh.ttc', 20)
ImageFont.truetype('NotoSansCJK-Regular.ttc', 20)
ImageFont.load_default(size=20)
ImageOps.exif_transpose(input_image)
ImageOps.fit(input_image, (64, 48), Image.ANTIALIAS)
ImageOps.autocontrast(input_image.convert('L'))
ImageEnhance.Contrast(input_image).enhance(2.0).filter(ImageFilter.SHARPEN)
list(input_image.getdata())[:3]
input_image.getpixel((5, 5)), input_image.load()[5, 5]
Image.fromarray(grey, mode='L')
Image.fromarray(array.astype('uint8'), 'RGB')
Image.fromarray((np.random.rand(8, 8, 3) * 255).astype(np.uint8))
Image.PILLOW_VERSION
input_image.getcolors(1 << 24)
input_image.histogram()
input_image._getexif() if hasattr(input_image, '_getexif') else None
draw.rounded_rectangle([5, 5, 50, 50], radius=5, outline='red', width=2)
"""

NUMPY = r"""
assert np.array([1, 5, 2]).ptp() == 4 and np.array([[1, 2], [3, 4]]).ptp(axis=0)[0] == 2
a = np.zeros((2, 2)); a.itemset((0, 0), 5); a.itemset(3, 7); assert a.tolist() == [[5, 0], [0, 7]]
np.array([1, 2]).newbyteorder().dtype
np.array([1, 2], dtype=float, copy=False), np.array([[1, 2]], np.float32, copy=False)
np.lib.index_tricks.s_[0:2], np.lib.arraysetops.unique([1, 1])
sums = []; t = __import__('threading').Thread(target=lambda: sums.append(np.uint8(200) + 100)); t.start(); t.join(); assert sums == [300]
np.histogram([1, 2], bins=5, normed=True)
np.array([1, 2], dtype=np.float)
np.array([1, 2], dtype=np.int)
np.zeros((2, 2), dtype=np.bool)
np.array(['a'], dtype=np.object)
np.array(['a'], dtype=np.str)
np.array([1j], dtype=np.complex)
np.float_(1.5)
np.complex_(1)
np.unicode_('a'), np.string_(b'a')
np.int0(cv2.boxPoints(((50, 50), (20, 10), 30)))
np.uint0(3)
np.bool8(True)
np.float64(1), np.int64(1), np.intp(1)
np.product([1, 2, 3])
np.cumproduct([1, 2, 3])
np.alltrue([True]), np.sometrue([True])
np.in1d([1, 2], [2])
np.trapz([1, 2, 3], dx=0.5)
np.trapz(np.arange(5) ** 2, np.arange(5))
np.row_stack([[1, 2], [3, 4]])
np.msort(np.array([[2, 1], [1, 2]]))
np.asfarray([1, 2])
np.asscalar(np.array([3]))
np.round_(2.567, 2)
np.infty, np.Inf, np.PINF, np.NINF, np.Infinity
np.NaN, np.NAN
np.find_common_type([np.int64], [np.float64])
np.cast['uint8'](np.array([1.7]))
np.mat([[1, 2], [3, 4]]) * np.mat([[1], [1]])
np.matrix([[1, 2], [3, 4]]).I
np.math.sqrt(4)
np.math.pi
np.typeDict
np.sctypes['int']
np.issubclass_(int, object)
np.obj2sctype('i4')
np.lib.pad(np.ones(3), 1, mode='constant')
np.core.multiarray.array([1])
np.AxisError, np.VisibleDeprecationWarning, np.ComplexWarning, np.RankWarning
np.random.random_integers(1, 6, 3)
np.fromstring(b'abcdef', dtype=np.uint8)
np.fromstring('1 2 3', sep=' ')
np.array([1, 2, 3]).tostring()
np.array(grey, copy=False)
np.uint8(300)
assert np.uint8(200) + 100 == 300
assert sum(pixel) == 350
assert abs(pixel[0] - 201) == 1
assert (pixel[0] - 10) * 2 == 380
assert (pixel + 300).max() == 500
assert pixel[0] << 8 == 51200
np.clip(grey + 300, 0, 255)
np.clip(grey.astype(np.int16) - 300, 0, 255).astype(np.uint8)
np.full((2, 2), 300, dtype=np.uint8)
np.array([300, -1]).astype(np.uint8)
np.array([256, -1], dtype=np.uint8)
grey.copy().__setitem__((0, 0), 300)
assert repr([np.int64(5), np.float64(0.5)]) == '[5, 0.5]'
assert repr(np.int64(5)) == '5'
np.unique(array.reshape(-1, 3), axis=0, return_counts=True)
np.bincount(grey.ravel(), minlength=256).argmax()
np.linalg.norm(array.astype(float) - [255, 0, 0], axis=2).min()
np.histogram(grey, bins=16, range=(0, 256))
np.polyfit([0, 1, 2], [1, 3, 5], 1)
np.cross([1, 0], [0, 1])
"""

OPENCV = r"""
cv2.aruco.detectMarkers(grey, cv2.aruco.Dictionary_get(cv2.aruco.DICT_6X6_250), parameters=cv2.aruco.DetectorParameters_create())
cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[-2][0]
contours, hierarchy = cv2.findContours(mask, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
_, contours, hierarchy = cv2.findContours(mask, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
image, contours, _ = cv2.findContours(mask.copy(), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE); assert len(contours) > 3
cv2.findContours(image=mask, mode=cv2.RETR_TREE, method=cv2.CHAIN_APPROX_NONE)
cv2.HoughLinesP(cv2.Canny(grey, 50, 150), 1, np.pi / 180, 80, minLineLength=100, maxLineGap=10)[0][0]
rho, theta = cv2.HoughLines(cv2.Canny(grey, 50, 150), 1, np.pi / 180, 100)[0][0]
cv2.calcHist([grey], [0], None, [256], [0, 256])[10][0]
x, y = cv2.goodFeaturesToTrack(grey, 10, 0.01, 10)[0].ravel()
x, y = cv2.findNonZero(mask)[0][0]
cv2.HoughCircles(grey, cv2.HOUGH_GRADIENT, 1, 20, param1=50, param2=30, minRadius=10, maxRadius=60)
cv2.HoughCircles(grey, cv2.cv.CV_HOUGH_GRADIENT, 1, 20)
cv2.minAreaRect(contours[0]), cv2.fitEllipse(np.random.rand(9, 1, 2).astype(np.float32))
cv2.CascadeClassifier(cv2.data.haarcascades + 'haarcascade_frontalface_default.xml').detectMultiScale(grey, 1.3, 5)
cv2.HOGDescriptor().setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())
cv2.SIFT_create().detectAndCompute(grey, None)
cv2.xfeatures2d.SIFT_create().detect(grey, None)
cv2.ORB_create(500).detectAndCompute(grey, None)
cv2.SimpleBlobDetector_create(cv2.SimpleBlobDetector_Params()).detect(grey)
cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True)
cv2.drawKeypoints(grey, cv2.ORB_create().detect(grey, None), None, color=(0, 255, 0))
cv2.circle(array.copy(), (np.uint16(10), np.uint16(10)), np.uint16(5), (0, 255, 0), 2)
cv2.circle(array.copy(), (10, 10), 5, (255, 0, 0), thickness=-1, lineType=cv2.CV_AA)
cv2.rectangle(array.copy(), (5, 5), (50, 50), (0, 255, 0), 2)
cv2.putText(array.copy(), 'x', (5, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 0, 0), 1, cv2.LINE_AA)
cv2.drawContours(array.copy(), contours, -1, (0, 255, 0), 2)
cv2.drawContours(array.copy(), [np.int0(cv2.boxPoints(cv2.minAreaRect(contours[0])))], 0, (0, 0, 255), 2)
cv2.polylines(array.copy(), [np.array([[5, 5], [50, 5], [20, 40]])], True, (255, 0, 0))
cv2.fillPoly(array.copy(), [np.array([[5, 5], [50, 5], [20, 40]], np.int32)], (255, 0, 0))
cv2.imread('input_image.jpg', cv2.CV_LOAD_IMAGE_GRAYSCALE)
cv2.imread('input_image.jpg', 0).shape
cv2.cvtColor(array, cv2.cv.CV_RGB2GRAY)
cv2.connectedComponentsWithStats(mask, 8, cv2.CV_32S)
cv2.kmeans(np.float32(small.reshape(-1, 3)), 3, None, (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 10, 1.0), 3, cv2.KMEANS_RANDOM_CENTERS)
cv2.matchTemplate(grey, grey[10:40, 10:40], cv2.TM_CCOEFF_NORMED).max()
cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY, 11, 2)
cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(grey)
cv2.morphologyEx(mask, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)))
cv2.ximgproc.thinning(mask)
cv2.QRCodeDetector().detectAndDecode(array)
cv2.grabCut(small, np.zeros(small.shape[:2], np.uint8), (5, 5, 50, 40), np.zeros((1, 65)), np.zeros((1, 65)), 1, cv2.GC_INIT_WITH_RECT)
cv2.fastNlMeansDenoisingColored(small, None, 10, 10, 7, 21)
cv2.warpPerspective(array, cv2.getPerspectiveTransform(np.float32([[0, 0], [9, 0], [9, 9], [0, 9]]), np.float32([[0, 0], [99, 0], [99, 99], [0, 99]])), (100, 100))
cv2.estimateRigidTransform(np.float32([[0, 0], [1, 0], [0, 1], [2, 2]]), np.float32([[0, 0], [2, 0], [0, 2], [4, 4]]), False)
cv2.watershed(array.copy(), cv2.connectedComponents(mask)[1])
cv2.createLineSegmentDetector(0).detect(grey)[0]
cv2.approxPolyDP(contours[0], 0.02 * cv2.arcLength(contours[0], True), True)
cv2.moments(contours[0])['m00']
cv2.pointPolygonTest(contours[0], (10, 10), False)
cv2.MSER_create().detectRegions(grey)
cv2.convexityDefects(contours[0], cv2.convexHull(contours[0], returnPoints=False))
cv2.compareHist(cv2.calcHist([grey], [0], None, [8], [0, 256]), cv2.calcHist([grey], [0], None, [8], [0, 256]), cv2.HISTCMP_CORREL)
cv2.compareHist(cv2.calcHist([grey], [0], None, [8], [0, 256]), cv2.calcHist([grey], [0], None, [8], [0, 256]), cv2.cv.CV_COMP_CORREL)
cv2.imshow('window', array); cv2.waitKey(0); cv2.destroyAllWindows()
"""

MATPLOTLIB = r"""
plt.gca().add_patch(matplotlib.patches.Rectangle((0, 0), 1, 1, 45)); plt.gca().add_patch(matplotlib.patches.Polygon([[0, 0], [1, 0], [0, 1]], True))
plt.bar(left=[1, 2], height=[1, 2]); plt.barh(bottom=[1, 2], width=[1, 2])
plt.hist2d([1, 2], [1, 2], bins=3, normed=True)
matplotlib.colors.rgb_to_hsv([1, 0, 0])
plt.savefig('x.jpg', optimize=True, progressive=True)
matplotlib.rcParams['savefig.frameon'] = True; plt.rcParams['axes.color_cycle'] = ['r', 'b']
plt.gca().set_color_cycle(['r', 'b']); from mpl_toolkits.axes_grid1 import make_axes_locatable; make_axes_locatable(plt.gca()).append_axes('right', '5%')
plt.plot([1], label='a'); plt.legend().draggable()
plt.loglog([1, 2], [1, 2], basex=2, basey=2); plt.yscale('log', nonposy='clip')
plt.boxplot([[1, 2, 3]], whis='range')
plt.imshow(grey); plt.colorbar(plt.cm.ScalarMappable(cmap='jet'))
matplotlib.dates.epoch2num(0)
cs = plt.contour(np.random.rand(5, 5)); cs.collections[0].get_paths()
plt.annotate(s='a', xy=(0, 0))
plt.title('x', fontproperties=matplotlib.font_manager.FontProperties(fname='/usr/share/fonts/simhei.ttf')); plt.gcf().canvas.draw()
matplotlib.font_manager.fontManager.addfont('SimHei.ttf')
plt.cm.get_cmap('viridis')(0.5)
matplotlib.cm.get_cmap('tab10', 4)
plt.get_cmap('jet')(0.1)
matplotlib.colormaps['viridis']
plt.cm.register_cmap(name='mine', cmap=plt.get_cmap('jet'))
plt.register_cmap(name='mine2', cmap=plt.get_cmap('jet'))
plt.cm.cmap_d['jet']
plt.cm.spectral(0.2)
plt.style.use('seaborn')
plt.style.use('seaborn-whitegrid')
plt.style.use('seaborn-darkgrid')
plt.style.use(['seaborn-v0_8', 'ggplot'])
with plt.style.context('seaborn-poster'): plt.plot([1, 2])
plt.hist([1, 2, 2, 3], bins=3, normed=True)
plt.subplots()[1].hist([1, 2, 2, 3], normed=1)
plt.boxplot([[1, 2, 3], [2, 3, 4]], labels=['a', 'b'])
plt.grid(b=True, which='both')
plt.subplots()[1].grid(b=True)
plt.figure().gca(projection='3d')
plt.gca(projection='polar')
plt.plot([1, 2], label='a'); plt.legend().legendHandles[0].set_linewidth(3)
plt.figure().canvas.set_window_title('window')
fig = plt.figure(); fig.canvas.draw(); assert len(fig.canvas.tostring_rgb()) == fig.canvas.get_width_height()[0] * fig.canvas.get_width_height()[1] * 3
fig = plt.figure(); fig.canvas.draw(); np.frombuffer(fig.canvas.buffer_rgba(), dtype=np.uint8)
fig = plt.figure(); fig.canvas.draw(); np.fromstring(fig.canvas.tostring_rgb(), dtype=np.uint8, sep='')
fig = plt.figure(); fig.canvas.draw(); fig.canvas.tostring_argb()
plt.stem([1, 2, 3], use_line_collection=True)
plt.hold(True)
plt.subplot(111, axisbg='white')
plt.gca().set_facecolor('white')
plt.get_current_fig_manager().window.showMaximized()
plt.get_current_fig_manager().full_screen_toggle()
plt.switch_backend('TkAgg')
matplotlib.use('TkAgg', force=True)
plt.ion(); plt.pause(0.001); plt.ioff()
matplotlib.font_manager._rebuild()
matplotlib.rcParams['text.usetex'] = False
plt.rcParams['font.sans-serif'] = ['SimHei']; plt.rcParams['axes.unicode_minus'] = False
plt.rcParams['font.family'] = 'Arial'; plt.title('x'); plt.gcf().canvas.draw()
plt.xlabel('x', fontname='Times New Roman'); plt.gcf().canvas.draw()
plt.bar(['a', 'b'], [1, 2]); plt.bar_label(plt.gca().containers[0])
plt.pie([1, 2], labels=['a', 'b'], autopct='%1.1f%%')
plt.imshow(array, cmap='gray', interpolation='nearest'); plt.colorbar()
plt.savefig('figure.png', dpi=80, bbox_inches='tight', quality=90)
plt.axes().set_aspect('equal')
fig, ax = plt.subplots(1, 2, figsize=(8, 4), gridspec_kw={'width_ratios': [1, 2]}); plt.tight_layout()
line, = plt.plot([1, 2]); plt.gca().lines.remove(line)
plt.axvspan(0, 1, alpha=0.3); plt.axis('equal'); plt.axis('off')
plt.scatter([1, 2], [3, 4], c=[0.1, 0.5], cmap=plt.cm.get_cmap('RdYlBu'), s=20, edgecolors='none')
matplotlib.colors.DivergingNorm(0)
plt.cm.ScalarMappable(cmap='jet').to_rgba([0.5])
plt.violinplot([[1, 2, 3]], vert=False)
from mpl_toolkits.mplot3d import Axes3D
from matplotlib.backends.backend_agg import FigureCanvasAgg; FigureCanvasAgg(plt.figure()).draw()
plt.suptitle('a'); plt.subplots_adjust(wspace=0.2); plt.close('all')
"""

PANDAS = r"""
assert frame.groupby('kind').agg('mean').loc['x', 'value'] == 1.5
frame.groupby('kind').agg(['mean', 'sum']); frame.groupby('kind').agg(np.mean); frame.agg('mean'); frame.agg(['mean', 'std'])
frame.groupby('kind').transform('mean'); frame.groupby('kind').mad(); frame.rolling(2).mean()
assert frame.pivot_table(index='kind', aggfunc='mean').loc['x', 'value'] == 1.5; pd.pivot_table(frame, index='kind', aggfunc='mean')
frame.groupby('kind')['value', 'year'].sum(); frame.groupby('kind')['value'].agg({'total': 'sum'})
pd.set_option('precision', 2); pd.set_option('max_rows', 10); pd.set_option('display.max_colwidth', -1)
frame.set_index('kind')['value'].sum(level=0)
frame.to_csv('x.csv', line_terminator='\\n'.encode().decode('unicode_escape')); frame.to_dict('record'); frame.info(null_counts=True)
pd.DataFrame.from_items([('a', [1, 2])]); frame.reindex_axis(['name'], axis=1); frame.select(lambda c: c == 'value', axis=1)
assert frame['kind'].str.replace('[xy]', 'q').iloc[0] == 'q' and pd.Series(['a.b']).str.replace('.', '')[0] == 'ab'
frame['kind'].str.split(',', 1, True)
frame['value'].clip_lower(2), frame['value'].clip_upper(2), frame['value'].nonzero(), frame['value'].ptp()
pd.Series(pd.to_datetime(['2020-01-01'])).dt.week; pd.Series(pd.to_datetime(['2020-01-01'])).dt.weekday_name; pd.to_datetime('2020-01-01').weekday_name
pd.date_range('2020-01-01', '2020-01-03', closed='left'); pd.Index([1, 2]).is_monotonic; pd.util.testing.assert_frame_equal(frame, frame)
assert frame[['name', 'value']].to_markdown(index=False).startswith('| name')
frame.append([{'name': 'e', 'value': 1.0}])
frame = frame.append({'name': 'd', 'kind': 'y', 'value': 5.0, 'year': 2022}, ignore_index=True); assert len(frame) == 4
frame.append(frame, ignore_index=True)
series.append(pd.Series([9.0]))
for name, column in frame.iteritems(): column.sum()
list(series.iteritems())
frame.ix[0]
frame.ix[0, 'value']
frame.lookup([0, 1], ['value', 'year'])
series.mad()
frame[['value']].mad()
frame.as_matrix()
frame.get_value(0, 'value')
frame.mean()
frame.corr()
frame.median()
frame.std()
frame.groupby('kind').mean()
frame.groupby('kind').sum()
frame.drop('year', 1)
frame.drop(0, 0)
frame.dropna(0)
frame.pivot('name', 'kind', 'value')
frame.sort('value')
frame.sort_values('value', ascending=False)
frame.set_axis(['a', 'b', 'c', 'd'], axis=1, inplace=False)
pd.concat([frame, frame], ignore_index=True)
pd.concat([frame, frame], 0)
pd.np.array([1])
pd.datetime(2020, 1, 1)
pd.Int64Index([1, 2])
pd.read_csv(__import__('io').StringIO('a,b\n1,2'), error_bad_lines=False)
pd.read_csv(__import__('io').StringIO('a,b\n1,2'), squeeze=True)
pd.read_csv(__import__('io').StringIO('a b\n1 2'), delim_whitespace=True)
pd.io.json.json_normalize([{'a': 1}])
pd.scatter_matrix(frame[['value', 'year']])
pd.tools.plotting.scatter_matrix(frame[['value', 'year']])
series.is_monotonic
frame.applymap(str)
frame.fillna(method='ffill')
pd.date_range('2020-01-01', periods=3, freq='M')
pd.date_range('2020-01-01', periods=3, freq='H')
frame['value'][0] = 7.0
frame.describe(), frame.value_counts(), frame.info()
pd.get_dummies(frame['kind'])
frame.plot(kind='bar', x='name', y='value')
frame.to_string(), frame.to_markdown() if False else ''
"""

SKIMAGE = r"""
[(r.Area, r.BoundingBox) for r in skimage.measure.regionprops(skimage.measure.label(mask))]
from skimage.filter import canny, sobel
skimage.filters.rank.mean(grey, selem=skimage.morphology.disk(3))
skimage.morphology.thin(mask > 0, max_iter=3); skimage.segmentation.slic(small, n_segments=9, max_iter=5)
assert skimage.color.rgb2gray(grey).shape == grey.shape and skimage.color.rgb2gray(np.dstack([array, grey])).ndim == 2
skimage.color.rgb2grey(array), skimage.color.grey2rgb(grey)
skimage.io.imread('input_image.jpg', as_grey=True)
skimage.util.montage([array, array], multichannel=True)
skimage.restoration.denoise_tv_chambolle(grey, n_iter_max=5)
from skimage.future.graph import rag_mean_color, cut_threshold
assert skimage.feature.peak_local_max(grey, min_distance=9, indices=False).shape == grey.shape
from skimage.metrics import structural_similarity as ssim; ssim(grey / 255.0, grey / 255.0)
from skimage.morphology import skeletonize_3d
skimage.exposure.match_histograms(small, small, multichannel=True)
skimage.measure.compare_ssim(grey, grey)
skimage.measure.compare_psnr(grey, 255 - grey)
skimage.measure.compare_mse(grey, grey)
from skimage.measure import compare_ssim as ssim
from skimage.metrics import structural_similarity; structural_similarity(array, array, multichannel=True)
skimage.filters.gaussian(array, sigma=1, multichannel=True)
skimage.transform.rescale(array, 0.25, multichannel=True, anti_aliasing=True)
skimage.transform.resize(array, (48, 64), anti_aliasing=True)
skimage.restoration.denoise_tv_chambolle(small, weight=0.1, multichannel=True)
skimage.restoration.denoise_bilateral(small, multichannel=True)
skimage.feature.hog(small, multichannel=True)
skimage.feature.hog(small, visualise=True, multichannel=True)[1]
skimage.segmentation.slic(small, n_segments=20, compactness=10, multichannel=True)
skimage.morphology.watershed(grey[:40, :40], (grey[:40, :40] < 100).astype(int))
from skimage.morphology import watershed, disk
from skimage.segmentation import watershed
skimage.draw.circle(10, 10, 5)
from skimage.draw import circle
skimage.feature.greycomatrix(grey[:20, :20], [1], [0], 256)
skimage.feature.greycoprops(skimage.feature.graycomatrix(grey[:20, :20], [1], [0], 256), 'contrast')
skimage.feature.peak_local_max(scipy.ndimage.distance_transform_edt(mask), min_distance=20, indices=False)
skimage.feature.peak_local_max(scipy.ndimage.distance_transform_edt(mask), min_distance=20)
skimage.morphology.dilation(mask, selem=skimage.morphology.disk(3))
skimage.morphology.binary_opening(mask > 0, selem=np.ones((3, 3)))
skimage.morphology.remove_small_objects(mask > 0, 30)
skimage.filters.threshold_adaptive(grey, 15)
skimage.filters.threshold_otsu(grey)
skimage.measure.label(mask, neighbors=8)
skimage.measure.label(mask, connectivity=2, return_num=True)
[(r.area, r.bbox, r.mean_intensity, r.equivalent_diameter, r.filled_area) for r in skimage.measure.regionprops(skimage.measure.label(mask), intensity_image=grey)]
skimage.measure.regionprops(skimage.measure.label(mask), coordinates='rc')
skimage.measure.find_contours(grey, 0.8)
skimage.measure.marching_cubes_lewiner(np.random.rand(6, 6, 6), 0.5)
skimage.morphology.skeletonize(mask > 0)
skimage.util.montage2d(np.random.rand(4, 8, 8))
skimage.util.img_as_ubyte(skimage.color.rgb2gray(array))
skimage.img_as_float(array)
skimage.io.imread('input_image.jpg')
skimage.io.imshow(array)
skimage.exposure.equalize_adapthist(grey)
skimage.transform.probabilistic_hough_line(mask > 0, threshold=10, line_length=50, line_gap=3)
skimage.feature.canny(grey, sigma=2)
skimage.feature.corner_peaks(skimage.feature.corner_harris(grey[:80, :80]), min_distance=5)
skimage.color.label2rgb(skimage.measure.label(mask), array, bg_label=0)
skimage.feature.register_translation(grey, grey)
skimage.future.graph.rag_mean_color(small, skimage.segmentation.slic(small, n_segments=9))
import tifffile
skimage.feature.local_binary_pattern(grey, 8, 1, method='uniform')
"""

SCIPY = r"""
from scipy.interpolate import interp2d; f = interp2d(np.arange(4), np.arange(4), np.ones((4, 4)), kind='cubic'); assert f(np.arange(8) / 2, np.arange(6) / 2).shape == (6, 8)
from scipy.interpolate import spline; spline([0, 1, 2, 3], [0, 1, 4, 9], [0.5])
from scipy.sparse import csr_matrix; assert (csr_matrix([[1, 0], [0, 2]]).A == [[1, 0], [0, 2]]).all()
from scipy.linalg import pinv2; pinv2(np.eye(2))
scipy.integrate.quadrature(lambda x: x, 0, 1), scipy.integrate.romberg(lambda x: x, 0, 1), scipy.integrate.simps([1, 2, 3], even='avg')
scipy.randn(3), scipy.rand(3), scipy.hstack([[1], [2]]), scipy.stats.nanmean([1.0])
scipy.integrate.trapz([1, 2, 3])
scipy.integrate.simps([1, 2, 3])
scipy.integrate.cumtrapz([1, 2, 3], initial=0)
from scipy.integrate import simps, trapz, cumtrapz
from scipy.misc import imresize
from scipy.misc import imread, imsave; imsave('x.png', imread('input_image.jpg'))
scipy.misc.imresize(array, (48, 64)).shape
scipy.misc.imresize(array, 0.5, interp='bicubic').shape
scipy.misc.face().shape
scipy.misc.toimage(grey)
scipy.misc.imrotate(grey, 30)
scipy.misc.derivative(lambda x: x ** 2, 1.0, dx=1e-3)
scipy.misc.factorial(4), scipy.misc.comb(4, 2)
scipy.interp(0.5, [0, 1], [0, 2])
scipy.mean([1, 2]), scipy.pi, scipy.sqrt(4), scipy.array([1]), scipy.zeros(2), scipy.arange(3)
scipy.signal.gaussian(11, 2)
scipy.signal.hann(5), scipy.signal.hamming(5), scipy.signal.blackman(5)
scipy.signal.windows.gaussian(11, 2)
scipy.signal.cwt(np.sin(np.arange(64)), scipy.signal.ricker, np.arange(1, 5)).shape
scipy.signal.find_peaks(grey[100], prominence=5)
scipy.signal.find_peaks_cwt(np.sin(np.arange(64)), np.arange(1, 5))
scipy.signal.savgol_filter(grey[100], 11, 3)
scipy.stats.mode(grey.ravel())[0][0]
scipy.stats.mode([1, 1, 2]).mode[0]
assert scipy.stats.mode([1, 1, 2]).mode == 1 and int(scipy.stats.mode([1, 1, 2]).count) == 2
scipy.stats.mode(small, axis=None)[0]
scipy.stats.binom_test(3, 10, 0.5)
scipy.stats.median_absolute_deviation([1, 2, 4])
scipy.stats.linregress([1, 2, 3], [2, 4, 7]).slope
scipy.ndimage.filters.gaussian_filter(grey, 2)
from scipy.ndimage.filters import gaussian_filter, maximum_filter
from scipy.ndimage.morphology import binary_fill_holes, distance_transform_edt
from scipy.ndimage.measurements import label, center_of_mass
from scipy.ndimage.interpolation import rotate, zoom
scipy.ndimage.imread('input_image.jpg')
scipy.ndimage.label(mask)[1]
scipy.ndimage.sum(grey, scipy.ndimage.label(mask)[0], [1])
from scipy.spatial.distance import cdist, euclidean; cdist([[0, 0]], [[3, 4]])
from scipy.optimize import linear_sum_assignment, curve_fit
from scipy.interpolate import interp1d; interp1d([0, 1], [0, 2])(0.5)
from scipy.fftpack import dct, fft2; dct(np.arange(8.0))
"""

OTHERS = r"""
from shapely.geometry import MultiPoint; assert len(MultiPoint([(0, 0), (1, 1)])) == 2 and MultiPoint([(0, 0), (1, 1)])[1].x == 1
from shapely.geometry import Polygon, asShape; Polygon([(0, 0), (4, 0), (0, 3)]).almost_equals(Polygon([(0, 0), (4, 0), (0, 3)]))
from sklearn.cluster import KMeans; KMeans(n_clusters=2, n_jobs=-1, precompute_distances=True, algorithm='full').fit([[0], [1], [9]])
from sklearn.linear_model import LogisticRegression, SGDClassifier; LogisticRegression(penalty='none').fit([[0], [1]], [0, 1]); SGDClassifier(loss='log').fit([[0], [1]], [0, 1])
from sklearn.ensemble import RandomForestRegressor; RandomForestRegressor(max_features='auto', criterion='mse', n_estimators=2).fit([[0], [1]], [0, 1])
from sklearn.preprocessing import PolynomialFeatures, Imputer; PolynomialFeatures(2).fit(np.ones((2, 2))).get_feature_names()
from sklearn.utils.linear_assignment_ import linear_assignment; linear_assignment([[1, 2], [2, 1]])
from sklearn.datasets.samples_generator import make_blobs
import seaborn as sns; sns.countplot('kind', data=frame); sns.FacetGrid(frame, col='kind', size=3)
import networkx as nx; nx.from_numpy_matrix(np.ones((2, 2)))
from sklearn.datasets import load_iris, make_blobs; load_iris(return_X_y=True)
from sklearn.cluster import AgglomerativeClustering; AgglomerativeClustering(n_clusters=2, affinity='euclidean').fit([[0], [1], [5]])
import seaborn as sns; sns.violinplot('kind', 'value', data=frame); sns.regplot('year', 'value', frame)
import seaborn as sns; sns.lineplot(x=[1, 2], y=[2, 3], ci=95); sns.lmplot(x='year', y='value', data=frame, size=3)
from shapely.geometry import MultiPolygon, Polygon; [p.area for p in MultiPolygon([Polygon([(0, 0), (1, 0), (0, 1)])])]
from sklearn.cluster import KMeans, DBSCAN; KMeans(n_clusters=3, random_state=0).fit(small.reshape(-1, 3)).cluster_centers_
from sklearn.cluster import MiniBatchKMeans; MiniBatchKMeans(3, n_init=1).fit(small.reshape(-1, 3))
from sklearn.linear_model import LinearRegression; LinearRegression(normalize=True).fit([[0], [1]], [0, 1]).coef_
from sklearn.linear_model import LinearRegression; LinearRegression().fit([[0], [1]], [0, 1]).score([[0], [1]], [0, 1])
from sklearn.preprocessing import OneHotEncoder; OneHotEncoder(sparse=False).fit_transform([['a'], ['b']])
from sklearn.ensemble import RandomForestClassifier; RandomForestClassifier(n_estimators=3, n_jobs=-1).fit([[0], [1]], [0, 1]).predict([[1]])
from sklearn.externals import joblib
from sklearn.cross_validation import train_test_split
from sklearn.metrics import confusion_matrix, accuracy_score, mean_squared_error; mean_squared_error([1, 2], [1, 3], squared=False)
from sklearn.metrics.pairwise import cosine_similarity; cosine_similarity([[1, 0]], [[1, 1]])
from sklearn.decomposition import PCA; PCA(2).fit_transform(small.reshape(-1, 3))
from sklearn.feature_extraction.text import TfidfVectorizer; v = TfidfVectorizer(); v.fit_transform(['a b', 'bb cc']); v.get_feature_names()
from sklearn.metrics import plot_confusion_matrix
import seaborn as sns; sns.set(style='whitegrid'); sns.heatmap([[1, 2], [3, 4]], annot=True)
import seaborn as sns; sns.distplot([1, 2, 2, 3])
import seaborn as sns; sns.barplot(x='name', y='value', data=frame); sns.lineplot(x='year', y='value', data=frame); sns.countplot(x=frame['kind'])
import seaborn as sns; sns.barplot(['a', 'b'], [1, 2])
import seaborn as sns; sns.scatterplot(frame['year'], frame['value'])
import seaborn as sns; sns.factorplot(x='kind', y='value', data=frame)
import seaborn as sns; sns.kdeplot([1.0, 2.0, 3.0], shade=True)
from shapely.geometry import Polygon, Point, LineString, box; Polygon([(0, 0), (4, 0), (0, 3)]).intersection(box(0, 0, 1, 1)).area
from shapely.ops import cascaded_union
from shapely.ops import unary_union; from shapely.geometry import box; assert unary_union([box(0, 0, 1, 1), box(1, 0, 2, 1)]).area == 2
from shapely.geometry import MultiPolygon, box; assert MultiPolygon([box(0, 0, 1, 1), box(2, 0, 3, 1)]).area == 2.0
from shapely.geometry import MultiPoint; assert MultiPoint([(0, 0), (4, 0), (0, 4)]).convex_hull.buffer(0).area == 8
from shapely.geometry import MultiPolygon, box; assert MultiPolygon([box(0, 0, 1, 1), box(2, 0, 3, 1)]).intersection(box(0, 0, 9, 0.5)).area == 1
sympy.solve(sympy.Symbol('x') ** 2 - 4), sympy.simplify('x + x'), sympy.N(sympy.pi, 5)
sympy.integrate(sympy.Symbol('x'), (sympy.Symbol('x'), 0, 1)), sympy.Rational(1, 3), sympy.sqrt(8)
sympy.Triangle(sympy.Point(0, 0), sympy.Point(4, 0), sympy.Point(0, 3)).area, sympy.Circle(sympy.Point(0, 0), 2).area
sympy.lambdify(sympy.Symbol('x'), sympy.sin(sympy.Symbol('x')), 'numpy')(np.array([0.0]))
from collections import Iterable
from fractions import gcd; gcd(4, 6)
import imageio; imageio.imread('input_image.jpg').shape
"""

CALLS = {
    "Pillow": PILLOW,
    "NumPy": NUMPY,
    "OpenCV": OPENCV,
    "Matplotlib": MATPLOTLIB,
    "pandas": PANDAS,
    "scikit-image": SKIMAGE,
    "SciPy": SCIPY,
    "others": OTHERS,
}


def cell(calls: str) -> str:
    """A cell that runs each call by itself and prints one line for each that fails."""
    return (
        "import traceback\n"
        f"for call in {calls.strip().splitlines()!r}:\n"
        "    try:\n"
        "        exec(compile(call, '<call>', 'exec'))\n"
        "    except BaseException as error:\n"
        "        print(f'{call} -> {type(error).__name__}: {error}')\n"
        "    finally:\n"
        "        plt.close('all')\n"
    )
